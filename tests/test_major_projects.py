"""What the special team writes down: problems and meetings, with every answer worked out by hand."""

from __future__ import annotations

from datetime import date

import psycopg
import pytest
from clock_world import Spgl, land
from ledger_world import open_ledgers
from psycopg.rows import dict_row

from yidang import build

pytestmark = pytest.mark.integration

AS_OF = date(2025, 10, 17)  # a Friday; 1 to 8 October were holidays, 28 September and 11 October made up for them
KNOWN, UNKNOWN = "2017-330199-47-03-000001", "2017-330199-47-03-000099"


@pytest.fixture(scope="module")
def marts(settings, tmp_path_factory):
    """Connection whose rows are dicts, after the world was landed and built as of AS_OF."""
    with pytest.MonkeyPatch.context() as patch:
        open_ledgers(settings, tmp_path_factory.mktemp("departments"), patch)
        with psycopg.connect(settings.admin_dsn("yidang"), autocommit=True) as warehouse:
            alpha = Spgl("alpha")
            alpha.works(f"{KNOWN}-1", KNOWN)
            alpha.land(warehouse)
            land(warehouse, "zhuanban", "problem", PROBLEMS)
            land(warehouse, "zhuanban", "meeting", MEETINGS)
            land(warehouse, "zhuanban", "meeting_problem", LISTS)
        build.build(settings, as_of=AS_OF)
        with psycopg.connect(settings.admin_dsn("yidang"), autocommit=True, row_factory=dict_row) as connection:
            yield connection


def problem(number: str, reported: str, *steps: str | None, **values: str) -> dict:
    """steps: feedback, path, progress, solved, reopened."""
    names = ("feedback_at", "path_at", "progress_at", "solved_at", "reopened_at")
    row = {"problem_no": number, "project_code": KNOWN, "source": "走访", "kind": "阻滞障碍", "reported_at": reported}
    return {**row, **dict(zip(names, steps, strict=False)), **values}


PROBLEMS = [
    # Tuesday 30 September: the next working days are 9, 10, 11 (made up), 13 October
    problem("OVER", "2025-09-30 16:00", "2025-10-09 09:00", "2025-10-10 17:00", "2025-10-13 09:00", "2025-10-14 09:00"),
    problem("QUICK", "2025-09-22 09:00", "2025-09-22 15:00", "2025-09-24 10:00", "2025-09-25 10:00"),
    problem("WAITS", "2025-10-16 10:00"),
    problem("FORGOTTEN", "2025-10-13 10:00", "2025-10-14 10:00"),
    problem("AGAIN", "2025-09-01", "2025-09-01", "2025-09-02", "2025-09-03", "2025-09-10", "2025-09-15"),
    problem("TURNED", "2025-09-10 09:00", "2025-09-08 10:00", project_code=UNKNOWN),
    problem("LATER", "2025-10-14 09:00", "2025-10-14 12:00", "2025-10-20 09:00"),
    problem("TOMORROW", "2025-10-18 09:00"),
    problem("NO_DAY", "无", project_code="无"),
]  # fmt: skip
MEETINGS = [
    {"meeting_no": "M1", "title": "第1次项目协调会", "held_at": "2025-09-16 14:00"},
    {"meeting_no": "M2", "title": "第2次项目协调会", "held_at": "2025-10-10 14:00"},
    {"meeting_no": "M3", "title": "下周的会", "held_at": "2025-10-20 14:00"},
]
LISTS = [
    {"meeting_no": "M1", "problem_no": "AGAIN"},
    {"meeting_no": "M1", "problem_no": "QUICK"},
    {"meeting_no": "M2", "problem_no": "AGAIN"},
    {"meeting_no": "M2", "problem_no": "OVER"},
    {"meeting_no": "M2", "problem_no": "NOBODY"},
    {"meeting_no": "M3", "problem_no": "OVER"},
]


def problems(marts) -> dict[str, dict]:
    return {row["problem_code"]: row for row in marts.execute("select * from marts.fct_problem")}


def test_every_problem_known_by_then_is_one_row(marts):
    assert set(problems(marts)) == {row["problem_no"] for row in PROBLEMS} - {"TOMORROW"}


@pytest.mark.parametrize(
    ("number", "days", "in_time"),
    [
        ("OVER", (1, 2, 4), (True, True, False)),
        ("QUICK", (0, 2, 3), (True, True, True)),
        ("WAITS", (None, None, None), (None, None, None)),  # one working day later: the limit still runs
        ("FORGOTTEN", (1, None, None), (True, False, False)),
        ("AGAIN", (0, 1, 2), (True, True, True)),
        ("TURNED", (None, None, None), (None, None, None)),
        ("LATER", (0, None, None), (True, False, None)),  # what comes after as_of is not known yet
        ("NO_DAY", (None, None, None), (None, None, None)),
    ],
)
def test_answers_are_counted_in_working_days_against_their_limits(marts, number, days, in_time):
    row = problems(marts)[number]
    steps = ("feedback", "path", "progress")
    assert tuple(row[f"{step}_working_days"] for step in steps) == days
    assert tuple(row[f"is_{step}_in_time"] for step in steps) == in_time


def test_states_and_projects(marts):
    found = {number: (row["state_name"], row["is_solved"]) for number, row in problems(marts).items()}
    assert found == {
        "OVER": ("已解决", True),
        "QUICK": ("有进展", False),
        "WAITS": ("待反馈", False),
        "FORGOTTEN": ("已反馈", False),
        "AGAIN": ("重新提出", False),
        "TURNED": ("已反馈", False),
        "LATER": ("已反馈", False),
        "NO_DAY": ("待反馈", False),
    }
    rows = problems(marts)
    assert rows["OVER"]["solved_working_days"] == 5
    assert {number for number, row in rows.items() if row["has_order_error"]} == {"TURNED", "NO_DAY"}
    assert {number for number, row in rows.items() if not row["is_known_project"]} == {"TURNED", "NO_DAY"}
    assert (rows["TURNED"]["project_code"], rows["NO_DAY"]["project_code"]) == (UNKNOWN, None)
    assert {number: row["meeting_count"] for number, row in rows.items() if row["meeting_count"]} == {
        "AGAIN": 2,
        "QUICK": 1,
        "OVER": 1,
    }


def test_meetings_say_what_became_of_their_lists(marts):
    rows = marts.execute(
        "select meeting_code, problem_count, solved_problem_count, unknown_problem_count"
        " from marts.fct_meeting order by meeting_code"
    ).fetchall()
    assert [tuple(row.values()) for row in rows] == [("M1", 2, 0, 0), ("M2", 3, 1, 1)]
