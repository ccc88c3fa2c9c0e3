"""PostgreSQL → raw, on real servers: as received, exactly once, in the source's order."""

from __future__ import annotations

import threading
import time
from datetime import date, datetime, timedelta

import psycopg
import pytest
from landing_support import COLUMNS, count, database, load, rows, table

from yidang import landing
from yidang.errors import YidangError
from yidang.landing import ledger
from yidang.settings import TIMEZONE

pytestmark = pytest.mark.integration
SOURCE = """
    kind: postgres
    dsn: ${CESHI_DSN}
    schema: hall
"""
CURSOR = "cursor: {column: updated_at, overlap_minutes: 60}"
RAW = "raw_ceshi.question"


@pytest.fixture
def source(settings, empty_warehouse, district_dsn):
    with database(district_dsn, "ceshi") as connection:
        connection.execute("create schema hall")
        connection.execute(
            "create table hall.question (id bigint, asked_at timestamp, topic text, updated_at timestamp)"
        )
        settings.ensure_secrets([], fixed={"CESHI_DSN": district_dsn.rsplit("/", 1)[0] + "/ceshi"})
        yield connection


@pytest.fixture
def department(settings, source, tmp_path):
    return load(settings, tmp_path, "ceshi", SOURCE, table(extra=CURSOR))


def add(source, number, topic="收费", updated="2025-03-03 10:00:00"):
    source.execute("insert into hall.question values (%s, '2025-03-03 09:00', %s, %s)", (number, topic, updated))


def test_the_first_load_keeps_text_order_and_ledger(settings, warehouse, source, department):
    add(source, 2, 'tab\there, back\\slash, line\nbreak, 引号"', "2025-03-03 10:00:01.5")
    add(source, 10, None)
    add(source, 9, "")
    result = landing.pull(settings, department, run_id="run-1")
    assert rows(warehouse, RAW, "id, topic, updated_at, _batch_id, _row_number") == [
        ("9", "", "2025-03-03 10:00:00", result.tables[0].batch_ids[0], 1),
        ("10", None, "2025-03-03 10:00:00", result.tables[0].batch_ids[0], 2),
        ("2", 'tab\there, back\\slash, line\nbreak, 引号"', "2025-03-03 10:00:01.5", result.tables[0].batch_ids[0], 3),
    ]
    ledger = warehouse.execute(
        "select department, table_name, cursor_from, cursor_to, rows_read, rows_landed, rows_quarantined, run_id, gate"
        " from landing.batch"
    ).fetchall()
    assert ledger == [("ceshi", "question", None, "2025-03-03 10:00:01.5", 3, 3, 0, "run-1", "passed")]


def test_a_second_pull_adds_nothing_and_moves_only_the_last_success(settings, warehouse, source, department):
    add(source, 1)
    landing.pull(settings, department)
    status = "select last_success_at from landing.table_status"
    first = warehouse.execute(status).fetchone()
    result = landing.pull(settings, department)
    assert (result.tables[0].rows_read, result.tables[0].rows_landed, result.tables[0].batch_ids) == (1, 0, [])
    assert count(warehouse, RAW) == count(warehouse, "landing.batch") == 1
    assert warehouse.execute(status).fetchone() > first


def test_a_value_that_comes_back_is_kept(settings, warehouse, source, department):
    add(source, 1, "甲")
    for topic in ("甲", "乙", "甲", "甲"):
        source.execute("update hall.question set topic = %s", (topic,))
        landing.pull(settings, department)
    assert [topic for (topic,) in rows(warehouse, RAW, "topic")] == ["甲", "乙", "甲"]


def test_several_rows_of_a_key_and_null_keys_are_kept_once(settings, warehouse, source, department):
    for number, topic in ((1, "甲"), (1, "乙"), (1, "乙"), (None, "丙")):
        add(source, number, topic)
    for _ in range(3):
        landing.pull(settings, department)
    assert sorted(rows(warehouse, RAW, "id, topic"), key=str) == [("1", "乙"), ("1", "乙"), ("1", "甲"), (None, "丙")]


def test_only_rows_after_the_cursor_are_read_again_with_the_overlap(settings, warehouse, source, department):
    add(source, 1, updated="2025-03-03 08:59:59")
    add(source, 2, updated="2025-03-03 10:00:00")
    landing.pull(settings, department)
    add(source, 3, updated="2025-03-03 09:00:00")  # committed late, inside the overlap
    add(source, 4, updated="2025-03-03 08:00:00")  # too late for any cursor
    add(source, 5, updated=None)  # a source that forgets the time of change
    result = landing.pull(settings, department)
    assert result.tables[0].rows_read == 3
    assert [number for (number,) in rows(warehouse, RAW, "id")] == ["1", "2", "3", "5"]


def test_clocks_that_disagree_lose_nothing_for_good(settings, warehouse, source, department):
    """One writer's clock is 20 minutes ahead of ours, another's 25 behind, a third's transaction is open for hours."""
    now = datetime.now(TIMEZONE).replace(tzinfo=None, microsecond=0)
    add(source, 1, updated=now + timedelta(minutes=20))
    landing.pull(settings, department)
    add(source, 2, updated=now - timedelta(minutes=25))  # behind the cursor, within the overlap
    add(source, 3, updated=now - timedelta(hours=5))  # beyond every overlap
    landing.pull(settings, department)
    assert [number for (number,) in rows(warehouse, RAW, "id")] == ["1", "2"]
    (missing,) = landing.pull(settings, department, reconcile_all=True).tables[0].differences
    day = date.fromisoformat(missing.day)
    assert (day, missing.source_rows - missing.landed_rows) == ((now - timedelta(hours=5)).date(), 1)
    landing.pull(settings, department, since=day)
    assert [number for (number,) in rows(warehouse, RAW, "id")] == ["1", "2", "3"]
    assert landing.pull(settings, department, reconcile_all=True).tables[0].differences == []


def test_a_date_far_in_the_future_does_not_become_the_cursor(settings, warehouse, source, department):
    add(source, 1, updated="2999-12-31")
    add(source, 2, updated="2025-03-03 10:00:00")
    landing.pull(settings, department)
    add(source, 3, updated="2025-03-04")
    landing.pull(settings, department)
    assert sorted(number for (number,) in rows(warehouse, RAW, "id")) == ["1", "2", "3"]


def test_a_number_as_cursor(settings, warehouse, source, tmp_path):
    department = load(settings, tmp_path, "ceshi", SOURCE, table(extra="cursor: {column: id}"))
    for number in (9, 10):
        add(source, number)
        landing.pull(settings, department)
    add(source, 100)
    assert landing.pull(settings, department).tables[0].rows_read == 2
    assert warehouse.execute("select cursor_value from landing.table_status").fetchone() == ("100",)


def test_a_table_without_cursor_is_compared_whole(settings, warehouse, source, tmp_path):
    department = load(settings, tmp_path, "ceshi", SOURCE, table())
    add(source, 1)
    add(source, 2)
    landing.pull(settings, department)
    source.execute("update hall.question set topic = '改' where id = 1")
    result = landing.pull(settings, department)
    assert (result.tables[0].rows_read, result.tables[0].rows_landed) == (2, 1)


def test_a_new_column_is_landed_and_noted(settings, warehouse, source, department):
    add(source, 1)
    landing.pull(settings, department)
    source.execute("alter table hall.question add column 渠道 text")
    add(source, 2)
    source.execute("update hall.question set 渠道 = '热线' where id = 2")
    landing.pull(settings, department)
    assert rows(warehouse, RAW, "id, 渠道") == [("1", None), ("2", "热线")]
    assert warehouse.execute("select column_name, change from landing.drift").fetchall() == [("渠道", "added")]


def test_a_missing_column_stops_that_table_only_and_lands_nothing_of_it(settings, warehouse, source, tmp_path):
    source.execute("create table hall.visit (like hall.question)")
    add(source, 1)
    source.execute("insert into hall.visit values (7, now()::timestamp, '取证', '2025-03-03')")
    department = load(settings, tmp_path, "ceshi", SOURCE, table(extra=CURSOR) + table("visit", CURSOR))
    landing.pull(settings, department)
    source.execute("alter table hall.question drop column topic")
    add_visit = "insert into hall.visit values (8, now()::timestamp, '取证', '2025-03-04')"
    source.execute(add_visit)
    with pytest.raises(landing.PullError) as caught:
        landing.pull(settings, department)
    assert "ceshi.question: the source no longer has the column topic; nothing of it was landed." in str(caught.value)
    assert "1 of 2 tables of ceshi were read, 1 new rows landed" in caught.value.cure
    assert count(warehouse, RAW) == 1 and count(warehouse, "raw_ceshi.visit") == 2
    status = dict(warehouse.execute("select table_name, last_error from landing.table_status").fetchall())
    assert "topic" in status["question"] and status["visit"] is None
    source.execute("alter table hall.question add column topic text")
    landing.pull(settings, department)
    assert warehouse.execute("select count(*) from landing.table_status where last_error is not null").fetchone() == (
        0,
    )


def test_a_table_that_is_not_there(settings, source, tmp_path):
    department = load(settings, tmp_path, "ceshi", SOURCE, table("visit"))
    with pytest.raises(landing.PullError, match=r"no table hall\.visit that its login may see"):
        landing.pull(settings, department)


def test_the_source_is_read_in_one_read_only_snapshot(settings, warehouse, source, department):
    source.execute("create function hall.sneak() returns text language sql volatile as"
                   " $$ insert into hall.question values (666); select 'x' $$")  # fmt: skip
    add(source, 1)
    source.execute("alter table hall.question rename to kept")
    source.execute("create view hall.question as select id, asked_at, hall.sneak() as topic, updated_at from hall.kept")
    with pytest.raises(landing.PullError, match="read-only transaction"):
        landing.pull(settings, department)
    assert source.execute("select count(*) from hall.kept").fetchone() == (1,)


@pytest.mark.parametrize(
    ("dsn", "expected", "cure"),
    [
        ("postgresql://postgres:wrong@127.0.0.1:{port}/ceshi", "the source refuses the login", "secret CESHI_DSN"),
        (
            "postgresql://postgres:x@127.0.0.1:1/ceshi",
            "the source does not answer",
            "address is in the secret CESHI_DSN",
        ),
        ("hunter2 is my password", "the secret CESHI_DSN is not a PostgreSQL URL", "postgresql://user"),
        ("postgresql://a:Geheim@hunter2@127.0.0.1:1/x", "the secret CESHI_DSN holds more than one @", "write @ as %40"),
        (" ", "the secret CESHI_DSN is empty", "the database's whole URL"),
    ],
)
def test_a_source_that_cannot_be_reached(settings, warehouse, source, department, dsn, expected, cure):
    add(source, 1)
    landing.pull(settings, department)
    settings.ensure_secrets([], fixed={"CESHI_DSN": dsn.format(port=settings.port("district_postgres"))})
    with pytest.raises(landing.PullError) as caught:
        landing.pull(settings, department)
    assert expected in str(caught.value) and cure in str(caught.value)
    assert "hunter2" not in str(caught.value) and "wrong" not in str(caught.value)
    assert count(warehouse, RAW) == 1


def test_two_pulls_at_once_land_every_row_once(settings, warehouse, source, department):
    source.execute(
        "insert into hall.question select g, now()::timestamp, 't' || g, '2025-03-03' from generate_series(1, 5000) g"
    )
    landing.ensure_landing(settings, [department])
    failures = []

    def run():
        try:
            landing.pull(settings, department)
        except Exception as error:  # handed to the main thread
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert count(warehouse, RAW) == 5000
    assert warehouse.execute("select count(distinct id) from raw_ceshi.question").fetchone() == (5000,)
    assert count(warehouse, "landing.batch") == 1


def test_the_second_pull_waits_for_the_first(settings, warehouse, source, department):
    add(source, 1)
    landing.ensure_landing(settings, [department])
    with psycopg.connect(settings.dsn("loader")) as other:
        ledger.lock_table(other, "ceshi", "question")
        thread = threading.Thread(target=landing.pull, args=(settings, department))
        thread.start()
        time.sleep(0.4)
        assert count(warehouse, RAW) == 0
    thread.join(timeout=30)
    assert count(warehouse, RAW) == 1


def test_a_batch_that_passes_later_has_a_greater_release_number(settings, warehouse, source, department):
    """A build of "raw up to number N" must not gain a batch later."""
    landing.ensure_landing(settings, [department])
    facts = {"department": "x", "table_name": "x", "rows_read": 0, "rows_landed": 0, "rows_quarantined": 0}
    with psycopg.connect(settings.dsn("loader")) as slow:
        first = ledger.new_batch_id(slow)
        add(source, 1)
        (second,) = landing.pull(settings, department).tables[0].batch_ids
        ledger.add_batch(slow, first, **facts, gate="held")
    third = warehouse.execute(
        "insert into landing.batch (department, table_name, landed_at, rows_read, rows_landed, rows_quarantined, gate)"
        " values ('x', 'x', now(), 0, 0, 0, 'passed') returning batch_id"
    ).fetchone()[0]
    warehouse.execute("update landing.batch set gate = 'passed' where batch_id = %s", (first,))
    released = warehouse.execute("select batch_id from landing.batch order by release_number").fetchall()
    assert [number for (number,) in released] == [second, third, first]


def test_declared_tables_exist_before_anything_is_pulled(settings, warehouse, empty_warehouse, tmp_path):
    department = load(settings, tmp_path, "ceshi", SOURCE, table())
    landing.ensure_landing(settings, [department])
    landing.ensure_landing(settings, [department])
    columns = warehouse.execute(
        "select column_name, data_type from information_schema.columns"
        " where table_schema = 'raw_ceshi' order by ordinal_position"
    ).fetchall()
    own = [("_batch_id", "bigint"), ("_row_number", "bigint"), ("_landed_at", "timestamp with time zone")]
    assert columns == [(name, "text") for name in COLUMNS] + own
    with psycopg.connect(settings.dsn("transformer")) as transformer:
        assert transformer.execute("select count(*) from raw_ceshi.question").fetchone() == (0,)
        assert transformer.execute("select count(*) from landing.quarantine").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            transformer.execute("delete from raw_ceshi.question")


def test_a_raw_table_that_an_older_version_made_takes_its_first_load(settings, warehouse, source, department):
    landing.ensure_landing(settings, [department])
    warehouse.execute(
        "alter table raw_ceshi.question alter _batch_id drop default, alter _row_number drop identity,"
        " alter _landed_at drop default"
    )
    add(source, 1)
    assert landing.pull(settings, department).tables[0].rows_landed == 1


def test_a_table_of_that_name_that_is_not_a_raw_table_is_refused(settings, warehouse, source, department):
    landing.ensure_landing(settings, [department])
    warehouse.execute("drop table raw_ceshi.question; create table raw_ceshi.question (id text)")
    warehouse.execute("alter table raw_ceshi.question owner to yidang_loader")
    with pytest.raises(
        YidangError, match='question" was not made by Yidang: it lacks _batch_id, _row_number'
    ) as caught:
        landing.pull(settings, department)
    assert "move it to another schema" in caught.value.cure


def test_another_type_is_refused_until_the_contract_accepts_it(settings, warehouse, source, department, tmp_path):
    add(source, 1)
    landing.pull(settings, department)
    source.execute("alter table hall.question alter column asked_at type text")
    add(source, 2)
    with pytest.raises(landing.PullError, match=r"another type to asked_at \(timestamp without time zone → text\)"):
        landing.pull(settings, department)
    assert count(warehouse, RAW) == 1
    accepting = load(settings, tmp_path, "ceshi", SOURCE, table(extra=f"{CURSOR}\ndrift: {{retyped: accept}}"))
    landing.pull(settings, accepting)
    landing.pull(settings, department)  # the new type is the known one now
    assert count(warehouse, RAW) == 2
    assert warehouse.execute("select column_name, change from landing.drift").fetchall() == [("asked_at", "retyped")]


def test_drift_by_the_contract(settings, warehouse, source, department, tmp_path):
    add(source, 1)
    landing.pull(settings, department)
    source.execute("alter table hall.question drop column topic, add column 渠道 text")
    strict = load(settings, tmp_path, "ceshi", SOURCE, table(extra=f"{CURSOR}\ndrift: {{added: refuse}}"))
    with pytest.raises(landing.PullError, match="the new column 渠道, which its contract does not allow"):
        landing.pull(settings, strict)
    lenient = load(settings, tmp_path, "ceshi", SOURCE, table(extra=f"{CURSOR}\ndrift: {{missing: accept}}"))
    landing.pull(settings, lenient)
    assert rows(warehouse, RAW, "id, topic, 渠道") == [("1", "收费", None), ("1", None, None)]
    assert sorted(warehouse.execute("select column_name, change from landing.drift").fetchall()) == [
        ("topic", "missing"),
        ("渠道", "added"),
    ]
    source.execute("alter table hall.question drop column updated_at")
    with pytest.raises(landing.PullError, match="no longer has the column updated_at"):
        landing.pull(settings, lenient)


COMPARED = "deletes: compare\nmost_deleted_share: 0.5"


@pytest.mark.parametrize("cursor", [f"{CURSOR}\n", ""], ids=["by cursor", "whole table"])
def test_rows_deleted_at_the_source_are_noted_and_may_come_back(settings, warehouse, source, tmp_path, cursor):
    department = load(settings, tmp_path, "ceshi", SOURCE, table(extra=cursor + COMPARED))
    for number in (1, 2, 3):
        add(source, number)
    landing.pull(settings, department)
    source.execute("update hall.question set topic = '改' where id = 2")
    landing.pull(settings, department)
    source.execute("delete from hall.question where id = 2")
    result = landing.pull(settings, department).tables[0]
    assert (result.rows_landed, result.rows_deleted, result.differences) == (0, 1, [])
    gone = "select id, topic, found_in_batch_id from landing.deleted_row join raw_ceshi.question"
    gone += " on (batch_id, row_number) = (_batch_id, _row_number) order by _batch_id"
    # every version, or an older one would come to life again
    assert warehouse.execute(gone).fetchall() == [("2", "收费", 3), ("2", "改", 3)]
    assert landing.pull(settings, department).tables[0].rows_deleted == 0
    source.execute("insert into hall.question values (2, '2025-03-03 09:00', '改', '2025-03-03 10:00')")
    assert landing.pull(settings, department).tables[0].rows_landed == 1
    assert count(warehouse, RAW) == 5


def test_a_table_that_was_emptied_is_not_believed(settings, warehouse, source, tmp_path):
    department = load(settings, tmp_path, "ceshi", SOURCE, table(extra=f"{CURSOR}\n{COMPARED}"))
    for number in range(4):
        add(source, number)
    landing.pull(settings, department)
    source.execute("delete from hall.question where id < 3")
    add(source, 9)
    with pytest.raises(landing.PullError, match=r"3 of 5 rows are no longer at the source, more than 50%"):
        landing.pull(settings, department)
    assert count(warehouse, RAW) == 5  # what is new has landed
    assert count(warehouse, "landing.deleted_row") == 0


def test_the_days_that_do_not_agree_with_the_source_are_kept(settings, warehouse, source, department):
    for number, day in ((1, "2025-03-01"), (2, "2025-03-02"), (3, "2025-03-03")):
        add(source, number, updated=day)
    assert landing.pull(settings, department).tables[0].differences == []
    warehouse.execute("update raw_ceshi.question set topic = '别' where id = '2'")  # as a bug of ours would
    source.execute("update hall.question set topic = '新' where id = 1")  # without its cursor: no pull can see it
    days = (
        "select day, source_rows, landed_rows, source_checksum = landed_checksum from landing.reconciliation order by 1"
    )
    assert warehouse.execute(days).fetchall() == [(f"2025-03-0{day}", 1, 1, True) for day in (1, 2, 3)]
    found = landing.pull(settings, department, reconcile_all=True).tables[0].differences
    assert [(entry.table, entry.day) for entry in found] == [("question", "2025-03-01"), ("question", "2025-03-02")]
    assert [row[3] for row in warehouse.execute(days)] == [False, False, True]


def test_a_range_of_days_is_read_again_and_the_cursor_stays(settings, warehouse, source, department):
    for number, day in ((1, "2025-03-01"), (2, "2025-03-02"), (3, "2025-03-03")):
        add(source, number, updated=day)
    landing.pull(settings, department)
    source.execute("update hall.question set topic = '补'")
    result = landing.pull(settings, department, since=date(2025, 3, 1), until=date(2025, 3, 3)).tables[0]
    assert (result.rows_read, result.rows_landed, result.differences) == (2, 2, [])
    assert warehouse.execute("select cursor_value from landing.table_status").fetchone() == ("2025-03-03 00:00:00",)


def test_a_dry_run_tells_what_would_land_and_lands_nothing(settings, warehouse, source, department):
    for number in (1, 2):
        add(source, number)
    landing.pull(settings, department)
    add(source, 3)
    source.execute("update hall.question set topic = '改' where id = 1")
    source.execute("alter table hall.question add column 渠道 text")
    before = warehouse.execute("select * from landing.table_status").fetchall()
    result = landing.pull(settings, department, dry_run=True).tables[0]
    assert (result.rows_read, result.rows_landed) == (3, 2)
    assert count(warehouse, RAW) == 2 and warehouse.execute("select * from landing.table_status").fetchall() == before
    assert count(warehouse, "landing.drift") == 0
    assert landing.pull(settings, department).tables[0].rows_landed == 2


def test_rows_of_one_second_are_read_once_with_a_tie(settings, warehouse, source, tmp_path):
    department = load(settings, tmp_path, "ceshi", SOURCE, table(extra="cursor: {column: updated_at, tie: id}"))
    for number in (9, 10, 11):
        add(source, number)
    landing.pull(settings, department)
    add(source, 12)
    result = landing.pull(settings, department).tables[0]
    assert (result.rows_read, result.rows_landed) == (1, 1)
    assert warehouse.execute("select cursor_value from landing.table_status").fetchone() == (
        '["2025-03-03 10:00:00", "12"]',
    )
