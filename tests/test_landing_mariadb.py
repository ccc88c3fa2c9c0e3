"""MariaDB → raw, on a real server: as received, exactly once, through the one path of all databases."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from landing_support import load, rows, table
from mariadb_server import PASSWORD, connect, mariadb_server

from yidang import landing
from yidang.errors import YidangError

pytestmark = pytest.mark.integration
SOURCE = """
    kind: mysql
    dsn: ${CESHI_DSN}
    schema: hall
"""
CURSOR = "cursor: {column: updated_at, overlap_minutes: 60}"
RAW = "raw_ceshi.question"


@pytest.fixture(scope="module")
def server():
    with mariadb_server() as port, connect(port) as connection:
        yield port, connection.cursor()


@pytest.fixture
def source(settings, empty_warehouse, server, monkeypatch):
    monkeypatch.setattr("yidang.gate.check_pending", lambda *_: [])  # tested elsewhere, and takes its time
    port, cursor = server
    cursor.execute("create or replace database hall character set utf8mb4")
    cursor.execute("use hall")
    cursor.execute(
        "create table question (id bigint, asked_at datetime(6), topic longtext, updated_at datetime(3))"
        " character set utf8mb4"
    )
    settings.ensure_secrets([], fixed={"CESHI_DSN": f"mysql://reader:{quote(PASSWORD, safe='')}@127.0.0.1:{port}"})
    return cursor


@pytest.fixture
def department(settings, source, tmp_path):
    return load(settings, tmp_path, "ceshi", SOURCE, table(extra=CURSOR))


def add(source, number, topic="收费", updated="2025-03-03 10:00:00"):
    source.execute("insert into question values (%s, '2025-03-03 09:00', %s, %s)", (number, topic, updated))


def test_values_arrive_as_they_are(settings, warehouse, source, department):
    add(source, 2, 'tab\there, back\\slash, line\nbreak\r, 引号" \\N 𠮷😀', "2025-03-03 10:00:01.5")
    add(source, 10, None)
    add(source, 9, "")
    result = landing.pull(settings, department)
    assert rows(warehouse, RAW, "id, topic, asked_at, updated_at, _row_number") == [
        ("9", "", "2025-03-03 09:00:00.000000", "2025-03-03 10:00:00.000", 1),
        ("10", None, "2025-03-03 09:00:00.000000", "2025-03-03 10:00:00.000", 2),
        (
            "2",
            'tab\there, back\\slash, line\nbreak\r, 引号" \\N 𠮷😀',
            "2025-03-03 09:00:00.000000",
            "2025-03-03 10:00:01.500",
            3,
        ),
    ]
    assert result.tables[0].differences == []
    assert warehouse.execute("select day, source_rows, landed_rows, source_checksum = landed_checksum"
                             " from landing.reconciliation").fetchall() == [("2025-03-03", 3, 3, True)]  # fmt: skip


def test_every_type_has_one_spelling(settings, warehouse, source, tmp_path):
    source.execute("set time_zone = '+00:00'")
    source.execute(
        "create table kinds (id int primary key, amount decimal(20,4), ratio double, flag bit(1), many bit(64),"
        " day date, stamp timestamp(0) null, clock time, year year, bytes varbinary(8), grade enum('好','差'),"
        " body json, old varchar(20) character set gbk, zero date)"
    )
    source.execute("set sql_mode = ''")
    source.execute(
        "insert into kinds values (1, 12345678901234.5000, 0.1, b'1', b'1', '2025-03-03', '2025-03-03 01:00:00',"
        " '09:30:00', 2025, x'00ff', '好', '{\"a\": 1}', '开户', '0000-00-00')"
    )
    source.execute("show columns from kinds")
    columns = [row[0] for row in source.fetchall()]
    landing.pull(settings, load(settings, tmp_path, "ceshi", SOURCE, table("kinds", columns=columns)))
    assert rows(warehouse, "raw_ceshi.kinds", ", ".join(columns)) == [
        (
            "1",
            "12345678901234.5000",
            "0.1",
            "1",
            "1",
            "2025-03-03",
            "2025-03-03 09:00:00",
            "09:30:00",
            "2025",
            "00FF",
            "好",
            '{"a": 1}',
            "开户",
            "0000-00-00",
        )  # fmt: skip
    ]


def test_what_is_new_lands_once(settings, warehouse, source, department):
    add(source, 1, updated="2025-03-03 08:59:59")
    add(source, 2)
    landing.pull(settings, department)
    add(source, 3, updated="2025-03-03 09:00:00")  # committed late, inside the overlap
    add(source, 4, updated="2025-03-03 08:00:00")  # too late for any cursor
    add(source, 5, updated=None)
    result = landing.pull(settings, department)
    assert (result.tables[0].rows_read, result.tables[0].rows_landed) == (3, 2)
    assert landing.pull(settings, department).tables[0].rows_landed == 0
    assert sorted(number for (number,) in rows(warehouse, RAW, "id")) == ["1", "2", "3", "5"]


def test_many_rows_of_one_second_are_read_once_with_a_tie(settings, warehouse, source, tmp_path):
    department = load(settings, tmp_path, "ceshi", SOURCE, table(extra="cursor: {column: updated_at, tie: id}"))
    source.execute("insert into question select seq, '2025-03-03', '批量', '2025-03-03 10:00:00' from seq_1_to_25000")
    assert landing.pull(settings, department).tables[0].rows_landed == 25_000
    for number in (99_998, 99_999):
        add(source, number)
    result = landing.pull(settings, department)
    assert (result.tables[0].rows_read, result.tables[0].rows_landed) == (2, 2)
    assert result.tables[0].differences == []


def test_a_null_character_is_quarantined_and_the_others_land(settings, warehouse, source, department):
    for number, topic in ((1, "好"), (2, "坏\0"), (3, "好")):
        add(source, number, topic)
    result = landing.pull(settings, department)
    assert (result.tables[0].rows_landed, result.tables[0].rows_quarantined) == (2, 1)
    assert rows(warehouse, RAW, "id, _row_number") == [("1", 1), ("3", 3)]
    assert warehouse.execute("select row_number, reason from landing.quarantine").fetchall() == [
        (2, "a value contains a NUL character.")
    ]


def test_a_text_of_several_mebibytes_arrives_whole(settings, warehouse, source, department):
    text = "长" * 10_000 + "\n"
    source.execute("insert into question values (1, null, repeat(%s, 100), '2025-03-03')", (text,))
    assert landing.pull(settings, department).tables[0].differences == []
    assert rows(warehouse, RAW, "length(topic)") == [(len(text) * 100,)]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"password": "falsch"}, "refuses the login"),
        ({"scheme": "postgresql"}, "is not a URL of a mysql database"),
        ({"port": 1}, "failed: (2003"),
    ],
    ids=["password", "scheme", "port"],
)
def test_a_source_that_cannot_be_reached_is_named_without_its_password(
    settings, source, department, server, change, sentence
):
    values = {"scheme": "mysql", "password": quote(PASSWORD, safe=""), "port": server[0]} | change
    dsn = f"{values['scheme']}://reader:{values['password']}@127.0.0.1:{values['port']}"
    settings.ensure_secrets([], fixed={"CESHI_DSN": dsn})
    with pytest.raises(YidangError) as error:
        landing.pull(settings, department)
    assert sentence in str(error.value) and "CESHI_DSN" in str(error.value)
    assert values["password"] not in str(error.value) and PASSWORD not in str(error.value)


def test_a_database_that_is_not_there_and_a_right_that_is_lacking_are_no_refused_login(
    settings, source, department, server, monkeypatch
):
    place = f"{quote(PASSWORD, safe='')}@127.0.0.1:{server[0]}"
    monkeypatch.setenv("CESHI_DSN", f"mysql://reader:{place}/nosuch")
    with pytest.raises(YidangError, match=r"the source has no such database: .*nosuch.*\n.*secret CESHI_DSN"):
        landing.pull(settings, department)
    source.execute("create or replace user stranger@'127.0.0.1' identified by %s", (PASSWORD,))
    monkeypatch.setenv("CESHI_DSN", f"mysql://stranger:{place}")
    with pytest.raises(YidangError, match=r"login may not read: .*stranger.*question.*\n.*GRANT SELECT ON `hall`\.\*"):
        landing.pull(settings, department)
    source.execute("drop user stranger@'127.0.0.1'")


def test_a_table_that_is_not_there(settings, source, tmp_path):
    department = load(settings, tmp_path, "ceshi", SOURCE, table("missing"))
    with pytest.raises(YidangError, match=r"no table hall\.missing that its login may see"):
        landing.pull(settings, department)
