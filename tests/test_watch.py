"""Who is told what about a department, once, on real servers: newly held, stale, failing, differing; well again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import psycopg
import pytest
from landing_support import answer, expectation, tcp_server, write_suite

from yidang import alerts, callbacks, landing, status, watch
from yidang import settings as settings_module
from yidang.contracts import load_department
from yidang.errors import YidangError

pytestmark = pytest.mark.integration


@pytest.fixture
def heard(own, monkeypatch):
    """What the robot was told; while heard.deaf is set it answers 500."""

    class Heard(list):
        deaf = False

    messages = Heard()

    def answers(request):
        if messages.deaf:
            yield answer("", "500 Internal Server Error")
        else:
            messages.append(json.loads(request.body)["text"]["content"])
            yield answer('{"errcode": 0}')

    monkeypatch.setattr(alerts, "BACKOFF_SECONDS", 0.01)
    monkeypatch.setattr(settings_module, "load", lambda: own)
    with tcp_server(answers) as base:
        monkeypatch.setenv("YIDANG_ALERT_URL", f"{base}/robot?access_token=secret")
        yield messages


@pytest.fixture
def landed(own, heard):
    """The department has pulled once and is well."""
    write_suite(own)
    landing.pull(own, load_department(own, "ceshi"))


def hold(warehouse: psycopg.Connection) -> None:
    warehouse.execute("update landing.batch set gate = 'held'")


def release(warehouse: psycopg.Connection) -> None:
    warehouse.execute("update landing.batch set gate = 'passed'")


def test_what_is_newly_wrong_is_told_once_and_once_that_it_is_well_again(own, landed, heard, empty_warehouse):
    assert watch.check(own) == 0
    hold(empty_warehouse)
    empty_warehouse.execute("update landing.table_status set last_success_at = timestamptz '2025-03-03 10:00+08'")
    assert [watch.check(own), watch.check(own)] == [1, 0]
    (message,) = heard
    chinese, english = message.splitlines()
    assert chinese.startswith("【一档】测试局（ceshi）：1 个批次未通过检查、被扣留；数据过时：已 ")
    assert "上次成功：2025-03-03 10:00。处理：yidang quarantine list ceshi; yidang status。" in chinese
    assert english.startswith("[Yidang] ceshi: 1 batch held by the gate; stale: ")
    assert english.endswith("What to do: yidang quarantine list ceshi; yidang status.")

    empty_warehouse.execute("update landing.table_status set last_success_at = now()")
    assert watch.check(own) == 0, "one of two is over, but the department is not well"
    release(empty_warehouse)
    assert [watch.check(own), watch.check(own)] == [1, 0]
    assert (
        heard[1].startswith("【一档】测试局（ceshi）：已恢复正常。")
        and "ceshi: is well again. Last success: " in heard[1]
    )
    hold(empty_warehouse)
    assert watch.check(own) == 1, "what comes back is news"


def test_what_the_robot_did_not_take_is_told_the_next_hour(own, landed, heard, empty_warehouse):
    hold(empty_warehouse)
    heard.deaf = True
    with pytest.raises(YidangError, match="HTTP 500"):
        watch.check(own)
    stands = "select kind, told_at is null, cleared_at is null from landing.alert"
    assert empty_warehouse.execute(stands).fetchall() == [("held", True, True)]
    heard.deaf = False
    assert [watch.check(own), len(heard)] == [1, 1]
    release(empty_warehouse)
    heard.deaf = True
    with pytest.raises(YidangError, match="HTTP 500"):
        watch.check(own)
    heard.deaf = False
    assert [watch.check(own), len(heard)] == [1, 2]
    assert "is well again" in heard[1]


def test_what_nobody_was_told_of_is_not_said_to_be_well_again(own, landed, heard, empty_warehouse):
    hold(empty_warehouse)
    heard.deaf = True
    with pytest.raises(YidangError):
        watch.check(own)
    heard.deaf = False
    release(empty_warehouse)
    assert watch.check(own) == 0


def test_days_that_differ_are_told_and_status_says_since_when(own, landed, heard, empty_warehouse):
    empty_warehouse.execute("update landing.reconciliation set source_rows = 2")
    assert watch.check(own) == 1
    assert "1 天的数据与源系统不一致" in heard[0] and "yidang pull ceshi --since … --until …" in heard[0]
    empty_warehouse.execute("update landing.alert set since = timestamptz '2025-03-03 10:00+08'")
    (state,) = status.collect(own).departments
    (finding,) = state.findings
    assert (finding.kind, f"{finding.since:%Y-%m-%d %H:%M}") == ("differs", "2025-03-03 10:00")


def test_a_broken_yaml_is_told_and_a_department_that_is_gone_is_forgotten(own, landed, heard, empty_warehouse):
    broken = own.departments_dir / "broken.yml"
    broken.write_text("name: [unclosed\n", encoding="utf-8")
    assert watch.check(own) == 1
    assert heard[0].startswith("【一档】broken：配置文件无法读取。上次成功：不详。")
    broken.unlink()
    assert watch.check(own) == 0
    assert empty_warehouse.execute("select count(*) from landing.alert where cleared_at is null").fetchone() == (0,)


@contextmanager
def airflow_database(settings, warehouse: psycopg.Connection) -> Iterator[psycopg.Connection]:
    _, name = settings.role("airflow")
    warehouse.execute(f"drop database if exists {name} with (force)")
    warehouse.execute(f"create database {name} owner yidang_airflow")
    try:
        with psycopg.connect(settings.dsn("airflow"), autocommit=True) as connection:
            yield connection
    finally:
        warehouse.execute(f"drop database {name} with (force)")


class TaskInstance:
    dag_id = "pull_ceshi"


def test_a_pull_that_failed_for_good_is_told_once_with_the_reason(own, landed, heard, empty_warehouse):
    write_suite(own, expectation("fail", "no_such_column", "x"))
    with psycopg.connect(own.secret("CESHI_DSN"), autocommit=True) as source:
        source.execute("alter table hall.question rename column topic to thema")
        with pytest.raises(landing.PullError):
            landing.pull(own, load_department(own, "ceshi"))
    callbacks.run_failed({"ti": TaskInstance}, department="ceshi")
    callbacks.run_failed({"ti": TaskInstance}, department="ceshi")
    assert watch.check(own) == 0, "the hourly check knows that it was told"
    (message,) = heard
    assert message.startswith("【一档】测试局（ceshi）：pull_ceshi 重试后仍失败；拉取失败（question）。上次成功：")
    assert "[Yidang] ceshi: pull_ceshi failed after its last retry; ceshi.question: " in message and "topic" in message


def test_a_pull_that_airflow_still_tries_is_told_only_when_it_is_given_up(own, landed, heard, empty_warehouse):
    empty_warehouse.execute("update landing.table_status set last_error = 'x', last_error_at = now() + '1 minute'")
    with airflow_database(own, empty_warehouse) as database:
        database.execute("create table dag (dag_id text, is_paused boolean)")
        database.execute("create table dag_run (dag_id text, state text)")
        database.execute("insert into dag_run values ('pull_other', 'running'), ('pull_ceshi', 'failed')")
        database.execute("insert into dag_run values ('pull_ceshi', 'running')")
        assert watch.check(own) == 0
        callbacks.run_failed({"ti": TaskInstance}, department="ceshi")
        assert len(heard) == 1 and "拉取失败（question）" in heard[0]
        assert watch.check(own) == 0, "the next run is under way: neither told again nor well"
        empty_warehouse.execute("update landing.alert set cleared_at = now()")
        database.execute("update dag_run set state = 'failed' where dag_id = 'pull_ceshi'")
        assert watch.check(own) == 1, "a command's failure, or a callback that never came"


def test_a_pull_that_died_without_a_word_is_told_each_time(own, landed, heard):
    callbacks.run_failed({"ti": TaskInstance}, department="ceshi")
    callbacks.run_failed({"ti": TaskInstance}, department="ceshi")
    assert len(heard) == 2 and "failed after its last retry. Last success: 2" in heard[0]


def test_a_late_run_is_told_also_without_the_warehouse(own, heard, monkeypatch):
    late = {"context": {"dag_run": {"dag_id": "pull_ceshi"}}, "minutes": 60.0, "department": "ceshi"}
    callbacks.run_is_late(**late)
    assert heard[0].splitlines() == [
        "【一档】测试局（ceshi）：pull_ceshi 超过 60 分钟未完成。上次成功：不详。"
        "处理：Airflow → pull_ceshi; yidang status。",
        "[Yidang] ceshi: pull_ceshi did not end within 60 minutes. Last success: not known. What to do: Airflow →"
        " pull_ceshi; yidang status.",
    ]
    nowhere = replace(own, admin_url="postgresql://nobody@127.0.0.1:1/none")
    monkeypatch.setattr(settings_module, "load", lambda: nowhere)
    callbacks.run_is_late(**late)
    callbacks.run_is_late(context={"dag_run": {"dag_id": "build"}}, minutes=60, department=None)
    assert heard[1].startswith("【一档】pull_ceshi：") and heard[2].startswith(
        "【一档】build：build 超过 60 分钟未完成。"
    )
