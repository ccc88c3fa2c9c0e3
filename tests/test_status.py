"""What `yidang status` says when something is wrong: never a healthy mark, never a number that nobody knows."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import psycopg
import pytest
from landing_support import expectation, write_suite
from rich.cells import cell_len

from yidang import landing, status
from yidang.build_state import LOCK, BuildState
from yidang.contracts import load_department
from yidang.errors import YidangError
from yidang.progress import console
from yidang.services import process
from yidang.settings import TIMEZONE

pytestmark = pytest.mark.integration
LAST_DAY = date(2026, 12, 31)


def only(report: status.StatusReport) -> status.DepartmentState:
    (state,) = report.departments
    return state


def printed(report: status.StatusReport) -> str:
    with console.capture() as capture:
        status.render(report)
    return " ".join(capture.get().split())


def test_a_batch_that_the_gate_could_not_judge_is_a_problem_until_it_is_judged(own, empty_warehouse):
    assert only(status.collect(own)).problem == "not pulled yet"
    department = load_department(own, "ceshi")
    with pytest.raises(YidangError, match="own"):
        landing.pull(own, department)
    assert only(status.collect(own)).problem.startswith("1 batch waiting for the gate")

    write_suite(own)
    landing.pull(own, department)
    state = only(status.collect(own))
    assert (state.problem, state.tables_landed, state.rows_landed) == ("", 1, 1)


def test_what_a_department_landed_and_what_is_doubted_of_it(own, empty_warehouse, district_dsn):
    """Every fact of one department that has pulled twice: new columns, bad rows, a day that does not agree."""
    write_suite(own, expectation("fail", "topic", "^工程"), expectation("warn", "asked_at", "^2025"))
    department = load_department(own, "ceshi")
    landing.pull(own, department)
    with psycopg.connect(district_dsn.rsplit("/", 1)[0] + "/ceshi", autocommit=True) as source:
        source.execute("alter table hall.question add column phone text")
        source.execute(
            "insert into hall.question values ('2', '2024-01-01', '别', '2025-03-04 10:00'),"
            " ('3', '2024-01-01', '工程', '2025-03-04 11:00'), ('4', '2025-03-04', '工程', '2025-03-04 12:00')"
        )
        landing.pull(own, department)
        source.execute("update hall.question set topic = '工程二' where id = '1'")  # without its cursor
        landing.pull(own, department, reconcile_all=True)
    (batch_id, landed_at) = empty_warehouse.execute(
        "select max(batch_id), max(landed_at) from landing.batch"
    ).fetchone()

    report = status.collect(own)
    state = only(report)
    assert (state.problem, state.tables, state.tables_landed, state.tables_failing) == ("", 1, 1, ())
    assert (state.rows_landed, state.rows_quarantined, state.rows_failed, state.rows_warned) == (4, 2, 1, 2)
    assert (state.last_batch_id, state.last_batch_at) == (batch_id, landed_at)
    assert (state.batches_held, state.batches_waiting) == (0, 0)
    assert 0 <= state.lag_hours < 0.1 and state.freshness_hours == 24
    assert (state.columns_added, state.columns_missing, state.columns_retyped) == (1, 0, 0)
    assert state.newest_drift == "question.phone added" and state.newest_drift_at
    assert state.days_differing == 1 and state.compared_at >= landed_at
    assert [finding.kind for finding in state.findings] == ["differs", "drift", "quarantined"]
    assert {finding.severity for finding in state.findings} == {"warning"}
    assert report.healthy == all(service.running for service in report.services), "warnings are not ill health"

    text = printed(report)
    assert f"! ceshi 测试局 1/1 4 #{batch_id} " in text and "of 24 h 1 + 2 ≠ 1 day " in text
    assert "! ceshi: 1 day differs from the source" in text and "the newest is question.phone added" in text
    (said,) = json.loads(json.dumps(report.as_dict(), default=str))["departments"]
    assert said["rows_warned"] == 2 and said["findings"][0]["kind"] == "differs"
    assert set(said) == {field.name for field in fields(status.DepartmentState)}

    empty_warehouse.execute("update landing.drift set seen_at = seen_at - interval '31 days'")
    empty_warehouse.execute("update landing.table_status set last_success_at = now() - interval '25 hours'")
    empty_warehouse.execute("update landing.batch set gate = 'held' where batch_id = %s", (batch_id,))
    state = only(status.collect(own))
    assert [finding.kind for finding in state.findings] == ["held", "stale", "differs", "quarantined"]
    assert state.problem == "1 batch held by the gate" and state.columns_added == 1
    assert not status.collect(own).healthy


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits_a_terminal(own, monkeypatch, width):
    monkeypatch.setattr(console, "width", width)
    with console.capture() as capture:
        status.render(status.collect(own))
    (line,) = [line for line in capture.get().splitlines() if "测试局" in line]
    assert cell_len(line) <= width and "…" not in line


@pytest.fixture
def new_airflow_database(settings, warehouse) -> Iterator[None]:
    """Airflow's database without a table; what another file's Airflow has left there is put aside meanwhile."""
    _, name = settings.role("airflow")
    warehouse.execute(f"alter database {name} rename to {name}_aside")
    try:
        warehouse.execute(f"create database {name} owner yidang_airflow")
        yield
    finally:
        warehouse.execute(f"drop database if exists {name} with (force)")
        warehouse.execute(f"alter database {name}_aside rename to {name}")


def test_when_a_department_comes_next_and_whether_it_is_paused(own, new_airflow_database):
    """By Airflow's own database; where it does not answer, nothing is claimed."""
    now = datetime.now(TIMEZONE)
    hours = [now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=ahead) for ahead in range(1, 25)]
    next_run = next(hour for hour in hours if hour.hour == 7 or (hour.isoweekday() == 7 and hour.hour == 2))
    state = only(status.collect(own))
    assert state.paused is None
    assert state.next_run == next_run, "each morning at seven, and on Sundays at two for the comparison of everything"
    assert f"{next_run:%m-%d %H:%M}" in printed(status.collect(own))
    with psycopg.connect(own.dsn("airflow"), autocommit=True) as airflow:
        airflow.execute("create table dag (dag_id text, is_paused boolean)")
        airflow.execute("insert into dag values ('pull_ceshi', false), ('pull_other', true)")
        assert only(status.collect(own)).paused is False
        airflow.execute("update dag set is_paused = true")
        assert only(status.collect(own)).paused is True
        assert "paused" in printed(status.collect(own))


def test_a_batch_of_a_running_pull_may_wait_but_not_for_ever(own, empty_warehouse):
    with pytest.raises(YidangError):
        landing.pull(own, load_department(own, "ceshi"))
    with landing.ledger.connect(own, "pull ceshi"):
        assert only(status.collect(own)).problem == ""
        empty_warehouse.execute("update landing.batch set landed_at = now() - interval '16 minutes'")
        assert "waiting for the gate" in only(status.collect(own)).problem
    with landing.ledger.connect(own, "pull another"):
        assert "waiting for the gate" in only(status.collect(own)).problem


def test_without_the_warehouse_nothing_is_said_about_departments(own):
    report = status.collect(replace(own, admin_url="postgresql://nobody@127.0.0.1:1/none"))
    state = only(report)
    assert not report.healthy
    assert report.warehouse_problem
    assert state.problem == "unknown: the warehouse is down"
    assert (state.tables_landed, state.rows_landed, state.rows_quarantined, state.last_success) == (None,) * 4
    text = printed(report)
    assert "never" not in text and "0/1" not in text and "not pulled yet" not in text


def test_a_broken_yaml_costs_only_its_own_line(own):
    (own.departments_dir / "broken.yml").write_text("name: [unclosed\n", encoding="utf-8")
    report = status.collect(own)
    broken, good = report.departments
    assert (broken.department, broken.tables) == ("broken", None)
    assert "broken.yml" in broken.problem
    assert (good.department, good.problem) == ("ceshi", "not pulled yet")
    assert "broken.yml" in printed(report)


def test_a_process_whose_port_does_not_answer_does_not_run(own):
    """As after `YIDANG_PORT_BASE=… yidang status` with another base than the one the services began with."""
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
    process.start(own, "superset", sleeper, ready=lambda: True)
    try:
        (state,) = [item for item in status.collect(own).services if item.name == "Superset"]
    finally:
        process.stop(own, "superset")
    assert not state.running
    assert "YIDANG_PORT_BASE" in state.problem and str(own.port("superset")) in state.problem


def test_before_the_first_build_the_marts_are_said_to_be_never_built(own):
    report = status.collect(own)
    assert report.marts == status.MartsState(None, None, None, "never built: yidang build", "从未构建：yidang build")
    assert "! Marts: never built: yidang build." in " ".join(printed(report).split())


def test_without_the_warehouse_nothing_is_said_about_the_marts(own):
    report = status.collect(replace(own, admin_url="postgresql://nobody@127.0.0.1:1/none"))
    assert report.marts is None and "Marts" not in printed(report)


def test_the_marts_day_and_when_they_were_built(own, empty_warehouse, monkeypatch):
    """By the record that builds leave (build_state), and what the ledger holds beside it."""
    monkeypatch.setenv("YIDANG_AS_OF", "2026-06-30")
    landing.ensure_landing(own, [load_department(own, "ceshi")])
    with psycopg.connect(own.dsn("transformer"), autocommit=True) as transformer:
        state = BuildState(transformer, "intermediate")
        state.begin(state.last(), {}, None)
        transformer.execute("create schema marts; create table marts.fct_item_instance ()")
        assert "broke off" in status.collect(own).marts.warning
        transformer.execute("select pg_advisory_lock(hashtext(%s))", (LOCK,))
        assert status.collect(own).marts.warning == "a build is running"
        transformer.execute("select pg_advisory_unlock_all()")
        state.finish(date(2026, 6, 30), {})
        (finished_at,) = transformer.execute("select finished_at from intermediate.build_record").fetchone()
    report = status.collect(own)
    assert report.marts == status.MartsState(date(2026, 6, 30), finished_at, 0, "", "")
    local = finished_at.astimezone(ZoneInfo("Asia/Shanghai"))
    assert f"Marts as of 2026-06-30, built {local:%Y-%m-%d %H:%M} (Asia/Shanghai)." in printed(report)
    said = json.loads(json.dumps(report.as_dict(), default=str))
    assert said["time_zone"] == "Asia/Shanghai" and said["marts"]["built_at"].endswith("+08:00")

    write_suite(own)
    landing.pull(own, load_department(own, "ceshi"))
    assert status.collect(own).marts.warning == "1 batch landed since: yidang build"
    monkeypatch.setenv("YIDANG_AS_OF", "2026-07-01")
    report = status.collect(own)
    assert report.marts.warning == "a build would now be for 2026-07-01; 1 batch landed since: yidang build"
    assert "(times in Asia/Shanghai)" in printed(report)


def test_before_the_first_build_the_calendar_is_the_seeds(own):
    assert status.collect(own).calendar.last_day >= LAST_DAY


def test_after_a_build_the_calendar_is_the_built_one(own, empty_warehouse, monkeypatch):
    empty_warehouse.execute("create schema marts")
    empty_warehouse.execute("create table marts.dim_calendar as select date '2025-12-31' as date_day")
    empty_warehouse.execute("grant usage on schema marts to yidang_reader")
    empty_warehouse.execute("grant select on marts.dim_calendar to yidang_reader")
    monkeypatch.setenv("YIDANG_AS_OF", "2026-01-01")
    report = status.collect(own)
    assert report.calendar.last_day == date(2025, 12, 31)
    assert "ended on 2025-12-31" in report.calendar.problem and not report.healthy
    assert "ended on 2025-12-31" in printed(report)


@pytest.mark.parametrize(
    ("as_of", "today", "warning", "problem"),
    [
        (date(2026, 10, 31), date(2026, 10, 31), False, False),
        (date(2026, 11, 1), date(2026, 11, 1), True, False),  # 60 days are left
        (date(2026, 12, 31), date(2026, 12, 31), True, False),
        (date(2027, 1, 1), date(2027, 1, 1), False, True),
        (date(2026, 6, 30), date(2027, 1, 1), True, False),  # figures of a day in the past are right for ever
    ],
)
def test_the_calendar_warns_sixty_days_before_figures_go_wrong(as_of, today, warning, problem):
    state = status.judge_calendar(LAST_DAY, as_of=as_of, today=today)
    assert (bool(state.warning), bool(state.problem)) == (warning, problem)
