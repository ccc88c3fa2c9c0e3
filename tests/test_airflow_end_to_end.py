"""Airflow itself on real servers: all runs green, and a scheduler killed in the middle loses and doubles nothing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date

import psutil
import psycopg
import pytest
from conftest import drop_built_schemas
from landing_support import Asked, answer, tcp_server
from psycopg import sql

from yidang import contracts, district, landing
from yidang.errors import YidangError
from yidang.services import airflow, process
from yidang.services import district as district_servers
from yidang.settings import WAREHOUSE_DATABASE, Settings

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(1200)]

LAST_DAY = date(2026, 6, 30)
# The pull of 资规 reads this table in the middle of others; a lock on it holds the pull where we want it.
DEPARTMENT, TABLE = "zigui", "spgl_xmspsxblxxxxb"


@pytest.fixture(scope="module")
def told() -> list[str]:
    """What the group chat's robot has heard of Airflow."""
    return []


@pytest.fixture(scope="module")
def running(settings: Settings, told: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A small district and Airflow, both up, over an empty warehouse: another file's tests may have landed in it.

    The pull of 资规 has half a second to end, which none can keep.
    """

    def robot(request: Asked) -> Iterator[bytes]:
        told.append(json.loads(request.body)["text"]["content"])
        yield answer('{"errcode": 0}')

    folder = tmp_path_factory.mktemp("contracts") / "departments"
    shutil.copytree(settings.departments_dir, folder)
    with (folder / f"{DEPARTMENT}.yml").open("a", encoding="utf-8") as contract:
        contract.write("\ndeadline_minutes: 0.01\n")
    with psycopg.connect(settings.admin_dsn(WAREHOUSE_DATABASE), autocommit=True) as admin:
        drop_built_schemas(admin)
    settings.as_of_file.write_text(LAST_DAY.isoformat(), encoding="utf-8")
    district_servers.start(settings)
    district.generate(settings, seed=7, projects=12, start=date(2024, 1, 2), end=LAST_DAY)
    with tcp_server(robot) as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("YIDANG_ALERT_URL", url)
        patch.setenv("YIDANG_DEPARTMENTS_DIR", str(folder))
        try:
            assert airflow.start(settings) is True
            yield settings
        finally:
            airflow.stop(settings)
            district_servers.stop(settings)


@pytest.fixture(scope="module")
def departments(running: Settings) -> list[contracts.Department]:
    return contracts.load_departments(running)


def test_a_scheduler_killed_in_the_middle_of_a_pull_loses_and_doubles_nothing(running, departments):
    with ThreadPoolExecutor(1) as pool:
        with table_locked(running):
            pipeline = pool.submit(
                airflow.run_pipeline, running, [item.id for item in departments], timeout_seconds=600
            )
            wait_until_pull_is_blocked(running)
            scheduler = process.find(running, airflow.SCHEDULER)
            workers = psutil.Process(scheduler.pid).children(recursive=True)
            os.kill(scheduler.pid, signal.SIGKILL)
            psutil.wait_procs([psutil.Process(scheduler.pid)], timeout=5)
            assert any(worker.is_running() for worker in workers), "workers outlive their scheduler, as ever"
            with pytest.raises(YidangError, match=airflow.SCHEDULER) as waiting:
                pipeline.result(timeout=30)
            assert f"{airflow.SCHEDULER}.log" in waiting.value.what and "make demo again" in waiting.value.cure
            assert airflow.start(running) is True
            assert not any(is_alive(worker) for worker in workers)
        # The interrupted run goes on; the new one of the same DAG waits for it.
        runs = airflow.run_pipeline(running, [item.id for item in departments], timeout_seconds=600)

    assert {run.dag_id: run.state for run in runs.pulls} == {f"pull_{item.id}": "success" for item in departments}
    assert runs.builds[-1].state == "success"
    assert tries(running, f"pull_{DEPARTMENT}") == 2

    interrupted = raw_rows(running, departments)
    in_sources = source_counts(running, [item for item in departments if item.speaks == "spgl"])
    assert sum(in_sources.values()) > 0
    assert {place: interrupted[place][0] for place in in_sources} == in_sources
    drop_landed(running, departments)
    for department in departments:
        landing.pull(running, department)
    assert raw_rows(running, departments) == interrupted, "a pull that nobody interrupts brings the same rows"


def test_a_second_round_brings_nothing_new_and_builds_nothing(running, departments):
    before = raw_rows(running, departments)
    runs = airflow.run_pipeline(running, [item.id for item in departments], timeout_seconds=300)
    assert {run.state for run in runs.pulls} == {"success"}
    assert runs.builds == []
    assert raw_rows(running, departments) == before


def test_who_must_be_told_was_told_that_the_pull_was_late(running, told):
    """The scheduler saw it, a worker called the callback, and the message came to the robot."""
    deadline = time.monotonic() + 30
    while not (late := [message for message in told if "did not end within 0.01 minutes" in message]):
        assert time.monotonic() < deadline, told
        time.sleep(0.2)
    assert late[0].startswith(f"【一档】自然资源和规划局（{DEPARTMENT}）：pull_{DEPARTMENT} 超过 0.01 分钟未完成")


def test_whether_a_dag_is_paused_is_read_from_airflows_own_database(running):
    assert airflow.paused_dags(running) == set()
    with psycopg.connect(running.dsn("airflow"), autocommit=True) as metadata:
        metadata.execute("update dag set is_paused = true where dag_id = 'pull_shuiwu'")
        assert airflow.paused_dags(running) == {"pull_shuiwu"}
        metadata.execute("update dag set is_paused = false where dag_id = 'pull_shuiwu'")


def test_starting_again_changes_nothing_and_stopping_leaves_nothing(running):
    pids = {name: process.find(running, name).pid for name in airflow.PROCESSES}
    assert airflow.start(running) is False
    assert pids == {name: process.find(running, name).pid for name in airflow.PROCESSES}
    passwords = running.home / "airflow" / "passwords.json"
    assert stat.S_IMODE(passwords.stat().st_mode) == 0o600

    families = [psutil.Process(pid) for pid in pids.values()]
    families += [child for parent in families for child in parent.children(recursive=True)]
    assert airflow.stop(running) is True
    assert not any(is_alive(member) for member in families)
    assert airflow.stop(running) is False


# -- what the tests look at ------------------------------------------------------------------------------------
@contextmanager
def table_locked(settings: Settings) -> Iterator[None]:
    """Nobody can read the table until the block is left."""
    with psycopg.connect(district_servers.admin_dsn(settings, district_servers.DATABASES[DEPARTMENT])) as source:
        source.execute(sql.SQL("lock table spgl.{} in access exclusive mode").format(sql.Identifier(TABLE)))
        yield


def wait_until_pull_is_blocked(settings: Settings, timeout_seconds: float = 120) -> None:
    deadline = time.monotonic() + timeout_seconds
    query = "select count(*) from pg_stat_activity where datname = %s and wait_event_type = 'Lock'"
    with psycopg.connect(district_servers.admin_dsn(settings, "postgres"), autocommit=True) as source:
        while not source.execute(query, (district_servers.DATABASES[DEPARTMENT],)).fetchone()[0]:
            assert time.monotonic() < deadline, "the pull never came to the locked table"
            time.sleep(0.2)


def is_alive(member: psutil.Process) -> bool:
    return member.is_running() and member.status() != psutil.STATUS_ZOMBIE


def tries(settings: Settings, dag_id: str) -> int:
    """How many attempts the task took in the run that took most."""
    with psycopg.connect(settings.dsn("airflow")) as metadata:
        query = "select max(try_number) from task_instance where dag_id = %s"
        return metadata.execute(query, (dag_id,)).fetchone()[0]


Rows = dict[tuple[str, str], tuple[int, str]]
FINGERPRINT = sql.SQL("""
    select count(*), coalesce(md5(string_agg(line, '|' order by line)), '')
    from (select (to_jsonb(t) - '_batch_id' - '_row_number' - '_landed_at')::text as line from {}.{} as t) as rows
""")


def raw_rows(settings: Settings, departments: list[contracts.Department]) -> Rows:
    """(department, table) → number of raw rows and a hash of their contents."""
    found = {}
    with psycopg.connect(settings.admin_dsn(WAREHOUSE_DATABASE)) as warehouse:
        for department in departments:
            for table in department.tables:
                place = sql.Identifier(department.schema), sql.Identifier(table.name)
                found[department.id, table.name] = warehouse.execute(FINGERPRINT.format(*place)).fetchone()
    return found


def source_counts(settings: Settings, departments: list[contracts.Department]) -> dict[tuple[str, str], int]:
    """(department, table) → rows in the department's own database."""
    found = {}
    for department in departments:
        database = district_servers.DATABASES[department.id]
        with psycopg.connect(district_servers.admin_dsn(settings, database)) as source:
            for table in department.tables:
                query = sql.SQL("select count(*) from spgl.{}").format(sql.Identifier(table.name))
                found[department.id, table.name] = source.execute(query).fetchone()[0]
    return found


def drop_landed(settings: Settings, departments: list[contracts.Department]) -> None:
    with psycopg.connect(settings.admin_dsn(WAREHOUSE_DATABASE), autocommit=True) as warehouse:
        for schema in ["landing", *(department.schema for department in departments)]:
            warehouse.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(schema)))
