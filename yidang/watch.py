"""Who must hear what about pulls and builds. What was told is kept in landing.alert, so that it is told once.

At least once: `told_at` is written after the robot has answered. In between, a message may come twice.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import psycopg

from yidang import alerts, build_state, landing
from yidang.errors import ConfigError, YidangError
from yidang.landing import ledger
from yidang.services import airflow
from yidang.settings import TIMEZONE, Settings
from yidang.status import DepartmentState, departments
from yidang.status.chinese import said

log = logging.getLogger(__name__)

# The findings that people are told of, with the command that helps.
_HELP = {
    "failed": "yidang status",
    "unreadable": "yidang status",
    "held": "yidang quarantine list {department}",
    "waiting": "yidang quarantine replay {department}",
    "stale": "yidang status",
    "differs": "yidang pull {department} --since … --until …",
}


# -- what Airflow reports (callbacks.py) -----------------------------------------------------------------------
def tell_late(settings: Settings, dag_id: str, minutes: float, department: str | None) -> None:
    """Say that a run of the DAG did not end in time. department: whose pull it is; None for the others."""
    zh, en = f"{dag_id} 超过 {minutes:g} 分钟未完成", f"{dag_id} did not end within {minutes:g} minutes"
    alerts.tell(settings, _about_run(settings, dag_id, _state(settings, department), zh, en))


def tell_failed(settings: Settings, dag_id: str, department: str | None) -> None:
    """Say that a task of the DAG has failed and is not tried again; of a department only if that is news."""
    zh, en = f"{dag_id} 重试后仍失败", f"{dag_id} failed after its last retry"
    state = _state(settings, department)
    if state is None or not _kinds(state):  # no warehouse, or it was killed before it could write down why
        alerts.tell(settings, _about_run(settings, dag_id, state, zh, en))
        return
    with _watching(settings) as connection:
        if not _follow(settings, connection, state, f"{zh}；", f"{en}; "):
            log.info("%s: people have been told of this before.", en)


# -- every hour (the DAG freshness) ----------------------------------------------------------------------------
def check(settings: Settings) -> int:
    """Tell what is newly wrong with a department, and who is well again. Returns the number of messages.

    Raises YidangError when the warehouse or the robot does not answer; what was not told is told next time.
    """
    with _watching(settings) as connection:
        states = departments.look(settings, departments.read_ledger(connection))
        connection.execute(
            "update landing.alert set cleared_at = now() where cleared_at is null and department <> all(%s)",
            ([state.department for state in states],),
        )
        running = airflow.running_dags(settings)
        decided = [state for state in states if not _is_tried_again(connection, state, running)]
        for state in decided:
            _note(connection, state)  # since when, also where telling another one fails
        return sum(_follow(settings, connection, state) for state in decided)


@contextmanager
def _watching(settings: Settings) -> Iterator[psycopg.Connection]:
    """A connection in autocommit; one at a time, or a callback and the hourly check would both tell."""
    landing.ensure_landing(settings, [])
    with ledger.connect(settings, "watch") as connection:
        connection.autocommit = True
        connection.execute("select pg_advisory_lock(hashtextextended('yidang watch', 0))")
        yield connection


def _note(connection: psycopg.Connection, state: DepartmentState) -> None:
    connection.cursor().executemany(
        "insert into landing.alert (department, kind) values (%s, %s)"
        " on conflict (department, kind) where cleared_at is null do nothing",
        [(state.department, kind) for kind in _kinds(state)],
    )


def _follow(
    settings: Settings, connection: psycopg.Connection, state: DepartmentState, zh: str = "", en: str = ""
) -> bool:
    """Bring landing.alert to the department's state and tell what is new. zh, en: begin the message."""
    _note(connection, state)
    known = dict(
        connection.execute(
            "select kind, told_at from landing.alert where department = %s and cleared_at is null", (state.department,)
        ).fetchall()
    )
    stands = _kinds(state)
    is_new = any(known[kind] is None for kind in stands)
    is_well = not stands and any(known.values())
    if is_new:
        alerts.tell(settings, _about_department(state, zh, en))
        connection.execute(
            "update landing.alert set told_at = now() where department = %s and cleared_at is null and told_at is null",
            (state.department,),
        )
    if is_well:
        alerts.tell(settings, _message(state.department, state.name, "已恢复正常", "is well again", state.last_success))
    connection.execute(
        "update landing.alert set cleared_at = now() where department = %s and cleared_at is null and kind <> all(%s)",
        (state.department, stands),
    )
    return is_new or is_well


def _is_tried_again(connection: psycopg.Connection, state: DepartmentState, running: set[str]) -> bool:
    """Whether a pull has newly failed that Airflow is still trying. It ends well, or `tell_failed` tells all of it."""
    if f"pull_{state.department}" not in running or "failed" not in _kinds(state):
        return False
    told = "select exists (select from landing.alert where department = %s and kind = 'failed' and cleared_at is null"
    return not connection.execute(f"{told} and told_at is not null)", (state.department,)).fetchone()[0]


def _kinds(state: DepartmentState) -> list[str]:
    return [finding.kind for finding in state.findings if finding.kind in _HELP]


# -- what is known ---------------------------------------------------------------------------------------------
def _state(settings: Settings, department: str | None) -> DepartmentState | None:
    """The department's state; None where there is none to speak of, or the ledger does not answer."""
    try:
        with ledger.connect(settings, "watch") as connection:
            states = departments.look(settings, departments.read_ledger(connection))
    except YidangError:
        return None
    return next((state for state in states if state.department == department), None)


def _last_build(settings: Settings) -> datetime | None:
    try:
        with psycopg.connect(settings.dsn("transformer"), connect_timeout=5) as connection:
            return build_state.standing(connection).built_at
    except (psycopg.Error, ConfigError):
        return None


# -- in words --------------------------------------------------------------------------------------------------
def _about_run(settings: Settings, dag_id: str, state: DepartmentState | None, zh: str, en: str) -> str:
    todo = f"Airflow → {dag_id}; yidang status"
    if state:
        return _message(state.department, state.name, zh, en, state.last_success, todo)
    return _message(dag_id, "", zh, en, _last_build(settings) if dag_id == airflow.BUILD else None, todo)


def _about_department(state: DepartmentState, zh: str, en: str) -> str:
    told = [finding for finding in state.findings if finding.kind in _HELP]
    zh += "；".join(said(state, finding) for finding in told)
    en += "; ".join(alerts.reason(finding.text) for finding in told)
    todo = dict.fromkeys(_HELP[finding.kind].format(department=state.department) for finding in told)
    return _message(state.department, state.name, zh, en, state.last_success, "; ".join(todo))


def _message(who: str, name: str, zh: str, en: str, last: datetime | None, todo: str = "") -> str:
    """Two lines, Chinese and English. todo: commands and places, the same in both."""
    when = f"{last.astimezone(TIMEZONE):%Y-%m-%d %H:%M}" if last else ""
    chinese = [f"【一档】{f'{name}（{who}）' if name else who}：{zh}", f"上次成功：{when or '不详'}"]
    english = [f"[Yidang] {who}: {en}", f"Last success: {when or 'not known'}"]
    if todo:
        chinese.append(f"处理：{todo}")
        english.append(f"What to do: {todo}")
    return f"{'。'.join(chinese)}。\n{'. '.join(english)}."
