"""What breaks while a pull is under way, on real servers: nothing is lost, nothing doubled, the next pull goes on."""

from __future__ import annotations

import random
import resource
import threading
import time
from urllib.parse import quote

import psycopg
import pytest
from conftest import drop_built_schemas
from landing_support import TORN, count, load, table
from mariadb_server import PASSWORD, connect, mariadb_server
from tcp_proxy import proxy

from yidang import landing
from yidang.services import postgres
from yidang.settings import WAREHOUSE_DATABASE

pytestmark = pytest.mark.integration
SOURCE = """
    kind: postgres
    dsn: ${CESHI_DSN}
    schema: hall
"""
CURSOR = "cursor: {column: updated_at, overlap_minutes: 60}"
RAW = "raw_ceshi.question"
ROWS = 40_000
CUTS = 12


@pytest.fixture
def warehouse(settings, monkeypatch):
    """A connection of its own, because these tests restart the server."""
    monkeypatch.setattr("yidang.gate.check_pending", lambda *_: [])  # tested elsewhere, and takes its time
    with psycopg.connect(settings.admin_dsn(WAREHOUSE_DATABASE), autocommit=True) as admin:
        drop_built_schemas(admin)
    return lambda: psycopg.connect(settings.admin_dsn(WAREHOUSE_DATABASE), autocommit=True)


@pytest.fixture
def line(settings, warehouse, district_dsn):
    """The source's table, filled, behind a proxy. No connection is kept: the server is restarted."""
    server = district_dsn.rsplit("/", 1)[0]
    with psycopg.connect(district_dsn, autocommit=True) as admin:
        admin.execute("drop database if exists faults with (force)")
        admin.execute("create database faults")
    with psycopg.connect(f"{server}/faults", autocommit=True) as source:
        source.execute("create schema hall")
        source.execute("create table hall.question (id bigint, asked_at timestamp, topic text, updated_at timestamp)")
        source.execute(
            "insert into hall.question select n, '2025-03-03', repeat(md5(n::text), 18),"
            " timestamp '2025-03-03' + n * interval '1 second' from generate_series(1, %s) n",
            (ROWS,),
        )
    with proxy(settings.port(postgres.DISTRICT.name)) as running:
        dsn = f"{server}/faults".replace(f":{running.target}", f":{running.port}")
        settings.ensure_secrets([], fixed={"CESHI_DSN": dsn})
        yield running


@pytest.fixture
def department(settings, line, tmp_path):
    return load(settings, tmp_path, "ceshi", SOURCE, table(extra=CURSOR))


def whole(connection: psycopg.Connection) -> tuple[int, int, int]:
    """(rows, different rows, ledger entries that do not have exactly their rows)."""
    rows, distinct = connection.execute("select count(*), count(distinct id) from raw_ceshi.question").fetchone()
    (torn,) = connection.execute(TORN).fetchone()
    return rows, distinct, torn


def test_a_line_that_is_cut_at_any_moment(settings, warehouse, line, department, counted):
    chance = random.Random(20260630)
    landing.ensure_landing(settings, [department])
    cut = 0
    for _ in range(CUTS):
        line.answered, line.cut_after = 0, chance.randrange(1, 40_000_000)
        try:
            landing.pull(settings, department)
        except landing.PullError as error:
            cut += 1
            assert "ceshi" in str(error) and "postgres:" not in str(error)
        with warehouse() as admin:
            assert whole(admin)[0] in (0, ROWS) and whole(admin)[2] == 0
            if whole(admin)[0]:
                admin.execute("truncate landing.batch, landing.table_status, raw_ceshi.question")
    line.cut_after = None
    landing.pull(settings, department)
    with warehouse() as admin:
        assert whole(admin) == (ROWS, ROWS, 0)
    counted(f"cut {cut} of {CUTS} pulls: lost 0, doubled 0")
    assert cut >= CUTS / 2


@pytest.mark.parametrize("cluster", [postgres.WAREHOUSE, postgres.DISTRICT], ids=["warehouse", "source"])
def test_a_server_that_is_restarted_in_the_middle(settings, warehouse, line, department, cluster):
    landing.ensure_landing(settings, [department])
    line.seconds_per_block = 0.02
    failures = []

    def pull():
        try:
            landing.pull(settings, department)
        except Exception as error:  # handed to the main thread
            failures.append(error)

    thread = threading.Thread(target=pull)
    thread.start()
    while line.answered < 4_000_000:
        assert thread.is_alive()
        time.sleep(0.01)
    postgres.stop(settings, cluster)
    postgres.start(settings, cluster)
    thread.join(timeout=60)
    assert len(failures) == 1 and isinstance(failures[0], Exception)
    line.seconds_per_block = 0.0
    with warehouse() as admin:
        assert whole(admin) == (0, 0, 0)
    landing.pull(settings, department)
    with warehouse() as admin:
        assert whole(admin) == (ROWS, ROWS, 0)


def test_a_warehouse_whose_disk_is_full(settings, warehouse, line, department):
    """No file of the server may grow beyond 18 MiB: the kernel refuses the write, as on a full disk."""
    landing.ensure_landing(settings, [department])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    postgres.stop(settings, postgres.WAREHOUSE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (18 << 20, limits[1]))
    try:
        postgres.start(settings, postgres.WAREHOUSE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    with pytest.raises(landing.PullError, match="File too large"):
        landing.pull(settings, department)
    with warehouse() as admin:
        assert whole(admin) == (0, 0, 0)
    postgres.stop(settings, postgres.WAREHOUSE)
    postgres.start(settings, postgres.WAREHOUSE)
    landing.pull(settings, department)
    with warehouse() as admin:
        assert whole(admin) == (ROWS, ROWS, 0)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # PyMySQL's cursors at their end
def test_a_line_to_mariadb_that_is_cut(settings, warehouse, tmp_path):
    with mariadb_server() as port, proxy(port) as running, connect(port) as owner, owner.cursor() as cursor:
        cursor.execute("create database hall")
        cursor.execute("use hall")
        cursor.execute(
            "create table hall.question as select seq as id, timestamp('2025-03-03') as asked_at,"
            " repeat(md5(seq), 4) as topic, timestamp('2025-03-03') as updated_at from seq_1_to_40000"
        )
        dsn = f"mysql://reader:{quote(PASSWORD, safe='')}@127.0.0.1:{running.port}"
        settings.ensure_secrets([], fixed={"CESHI_DSN": dsn})
        department = load(settings, tmp_path, "ceshi", SOURCE.replace("postgres", "mysql"), table())
        for at in (50, 3_000, 500_000, 5_000_000):
            running.answered, running.cut_after = 0, at
            with pytest.raises(landing.PullError, match=r"the source's database failed: .*(Lost connection|2013|2003)"):
                landing.pull(settings, department)
        running.cut_after = None
        landing.pull(settings, department)
    with warehouse() as admin:
        assert count(admin, RAW) == ROWS and count(admin, "landing.batch") == 1
