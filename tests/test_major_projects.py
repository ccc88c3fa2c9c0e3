"""What the special team writes down: problems, meetings, the list of major projects and who serves them, by hand."""

# ruff: noqa: S608 - the queries are put together from our own definitions

from __future__ import annotations

from datetime import date

import psycopg
import pytest
from clock_world import Spgl, catalogue_row, land
from ledger_world import built_ledgers

from yidang import metrics

pytestmark = pytest.mark.integration

AS_OF = date(2025, 10, 17)  # a Friday; 1 to 8 October were holidays, 28 September and 11 October made up for them
MARTS = ["fct_problem", "fct_meeting", "fct_major_project", "fct_agent_service", "dim_agent", "agg_indicator"]
KNOWN, STARTED, FILED = (f"2017-330199-47-03-00000{number}" for number in (1, 2, 3))
UNKNOWN = "2017-330199-47-03-000099"


@pytest.fixture(scope="module")
def marts(settings, tmp_path_factory):
    """Connection whose rows are dicts, after the world was landed and built as of AS_OF."""
    with built_ledgers(settings, tmp_path_factory.mktemp("departments"), AS_OF, land_world, MARTS) as connection:
        yield connection


def land_world(warehouse: psycopg.Connection) -> None:
    land_cases(warehouse)
    for table, rows in TEAM.items():
        land(warehouse, "zhuanban", table, rows)


def land_cases(warehouse: psycopg.Connection) -> None:
    """STARTED has its 立项 and 施工许可, FILED its 立项 alone; KNOWN gets its 立项 after AS_OF."""
    items = {"FILE": ("企业投资项目备案", 1), "BUILD": ("建筑工程施工许可证核发", 3)}
    rows = [
        catalogue_row(item, stage=stage, statutory=20, promised=10, item_name=name)
        for item, (name, stage) in items.items()
    ]
    land(warehouse, "zhengwu", "service_item", rows)
    alpha = Spgl("alpha")
    for project in (KNOWN, STARTED, FILED):
        alpha.works(f"{project}-1", project, xmmc=f"示例项目{project[-1]}")
    for project, item, accepted, decided in (
        (STARTED, "FILE", "2025-02-03", "2025-02-10"),
        (STARTED, "BUILD", "2025-06-16", "2025-06-20"),
        (FILED, "FILE", "2025-02-26", "2025-03-05"),
        (FILED, "BUILD", "2025-10-14", None),
        (KNOWN, "FILE", "2025-10-13", "2025-10-20"),
    ):
        kinds = {"received": accepted, "accepted": accepted, "decided_pass": decided}
        events = [{"kind": kind, "at": at} for kind, at in kinds.items() if at]
        alpha.case(f"{project[-1]}-{item}", f"{project}-1", item, 10, events)
    alpha.land(warehouse)


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


def entry(number: str, project: str, wan: int | None, planned: str | None = None, **values: object) -> dict:
    row = {"entry_no": number, "list_year": 2025, "project_code": project, "project_name": f"清单项目{number}"}
    row |= {"level": "市", "total_investment_wan": wan, "is_new_start": "是", "planned_start_date": planned}
    return {**row, "listed_at": "2025-01-10", **values}


ENTRIES = [
    entry("IN_TIME", STARTED, 10_000, "2025-06-30"),
    entry("LATE", FILED, 30_000, "2025-09-30"),
    entry("NOT_FILED", KNOWN, 5_000, "2025-12-31"),
    entry("NO_CODE", "暂无", 15_000),
    entry("TWICE", FILED, 30_000, listed_at="2025-03-10"),
    entry("LAST_YEAR", STARTED, 10_000, list_year=2024, is_new_start="否", listed_at="2024-03-01"),
    entry("TAKEN_OFF", UNKNOWN, 8_000, delisted_at="2025-05-01"),
    entry("STILL_ON", "2017-330199-47-03-000098", None, is_new_start="否", delisted_at="2025-10-30"),
    entry("TOO_LATE", KNOWN, 5_000, listed_at="2025-10-20"),
]
AGENTS = [
    {"agent_code": "A1", "unit": "专班", "role": "项目长", "joined_at": "2024-01-01"},
    {"agent_code": "A2", "unit": "专班", "role": "服务专员", "joined_at": "2024-01-01"},
    {"agent_code": "A3", "unit": "甲局", "role": "代办员", "joined_at": "2024-01-01"},
    {"agent_code": "A4", "unit": "甲局", "role": "代办员", "joined_at": "2024-01-01", "left_at": "2025-09-30"},
    {"agent_code": "A5", "unit": "乙局", "role": "代办员", "joined_at": "2024-01-01", "left_at": "2025-10-30"},
    {"agent_code": "A6", "unit": "乙局", "role": "代办员", "joined_at": "2025-11-01"},
]


def service(number: str, project: str, agent: str, role: str, *moments: str | None) -> dict:
    """moments: assigned, first response, end."""
    row = {"service_no": number, "project_code": project, "agent_code": agent, "role": role}
    return {**row, **dict(zip(("assigned_at", "first_response_at", "ended_at"), moments, strict=False))}


SERVICES = [
    service("SAME_DAY", STARTED, "A1", "项目长", "2025-02-10 09:00", "2025-02-10 16:00"),
    service("TWO_DAYS", STARTED, "A2", "服务专员", "2025-02-10 09:00", "2025-02-12 10:00"),
    service("HOLIDAYS", STARTED, "A3", "代办员", "2025-09-30 16:00", "2025-10-09 09:00"),
    service("WAITS", FILED, "A3", "代办员", "2025-10-16 09:00", "2025-10-20 09:00"),
    service("ENDED", FILED, "A4", "代办员", "2025-03-10 09:00", "2025-03-11 09:00", "2025-09-30 17:00"),
    service("TURNED", KNOWN, "GHOST", "代办员", "2025-10-14 09:00", "2025-10-13 09:00"),
    service("GONE", KNOWN, "A1", "项目长", "2025-10-09 09:00", "2025-10-10 09:00", "2025-10-14 09:00"),
    service("TOMORROW", KNOWN, "A5", "代办员", "2025-10-18 09:00"),
]
TEAM = {
    "problem": PROBLEMS,
    "meeting": MEETINGS,
    "meeting_problem": LISTS,
    "major_project": ENTRIES,
    "agent": AGENTS,
    "agent_service": SERVICES,
}
# Every figure of these ledgers: value, n, and what is left out.
NOT_COUNTED = {"已移出清单": 1, "重复入库": 1}
NO_KEY_START = {**NOT_COUNTED, "不是本年重点新开工": 2}
NO_RESPONSE = {"日期顺序错误": 1, "尚未响应": 1}
FIGURES = {
    "problem_count": (8, 8, {}),
    "problem_project_count": (2, 2, {"未写明项目": 1, "项目已计": 5}),
    "problem_solved_rate": (1 / 7, 7, {"无提出日期": 1}),
    "problem_reopened_rate": (1 / 2, 2, {"未曾解决": 6}),
    "problem_feedback_in_time_rate": (1, 5, {"日期顺序错误": 2, "反馈时限未到或超出日历": 1}),
    "problem_path_in_time_rate": (3 / 5, 5, {"日期顺序错误": 2, "路径时限未到或超出日历": 1}),
    "problem_progress_in_time_rate": (2 / 4, 4, {"日期顺序错误": 2, "进展时限未到或超出日历": 2}),
    "meeting_count": (2, 2, {}),
    "problems_per_meeting": (5 / 2, 2, {}),
    "major_project_count": (6, 6, NOT_COUNTED),
    "key_start_count": (4, 4, NO_KEY_START),
    "key_start_established_rate": (2 / 4, 4, NO_KEY_START),
    "key_start_established_investment_rate": (40 / 60, 4, NO_KEY_START),
    "key_start_permitted_rate": (1 / 4, 4, NO_KEY_START),
    "key_start_permitted_investment_rate": (10 / 60, 4, NO_KEY_START),
    "major_project_on_plan_rate": (1 / 2, 2, {**NOT_COUNTED, "未到计划开工日或无计划": 4}),
    "major_project_agent_coverage": (4 / 6, 6, NOT_COUNTED),
    "major_project_team_coverage": (2 / 6, 6, NOT_COUNTED),
    "agent_count": (4, 4, {}),
    "agent_load_mean": (4 / 4, 4, {}),
    "agent_assignment_count": (7, 7, {}),
    "agent_response_days_median": (1, 5, NO_RESPONSE),
    "agent_response_days_p90": (1.6, 5, NO_RESPONSE),
}


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


def test_how_far_the_key_new_starts_have_come(marts):
    rows = {row["entry_code"]: row for row in marts.execute("select * from marts.fct_major_project")}
    assert {number: (row["progress_name"], row["is_behind_plan"]) for number, row in rows.items()} == {
        "IN_TIME": ("已取得施工许可", False),
        "LATE": ("已立项，施工许可未办结", True),
        "NOT_FILED": ("已赋码，未立项", None),  # its 立项 is not known yet
        "NO_CODE": ("未赋码", None),
        "TWICE": ("已立项，施工许可未办结", None),
        "LAST_YEAR": ("已取得施工许可", None),
        "TAKEN_OFF": ("未赋码", None),
        "STILL_ON": ("未赋码", None),
    }
    assert {number for number, row in rows.items() if not row["is_counted"]} == {"TWICE", "TAKEN_OFF"}
    assert (rows["LATE"]["established_date"], rows["LATE"]["next_due_item_name"]) == (
        date(2025, 3, 5),
        "建筑工程施工许可证核发",
    )
    assert rows["IN_TIME"]["construction_permit_date"] == date(2025, 6, 20)
    # the open ones are named, also where nobody knows them but the list
    assert (rows["LATE"]["project_name"], rows["NO_CODE"]["project_name"]) == ("示例项目3", "清单项目NO_CODE")
    teams = {number: (row["agent_count"], row["has_full_team"]) for number, row in rows.items() if row["has_agent"]}
    assert teams == {
        "IN_TIME": (3, True),
        "LAST_YEAR": (3, True),
        "LATE": (1, False),
        "TWICE": (1, False),
        "NOT_FILED": (1, False),
    }


def test_what_is_on_the_agents_hands(marts):
    rows = marts.execute(
        "select agent_code, is_on_duty, project_count, open_project_count, responded_count, waiting_count"
        " from marts.dim_agent order by 1"
    ).fetchall()
    assert [tuple(row.values()) for row in rows] == [
        ("A1", True, 2, 1, 2, 0),
        ("A2", True, 1, 1, 1, 0),
        ("A3", True, 2, 2, 1, 1),
        ("A4", False, 1, 0, 1, 0),
        ("A5", True, 0, 0, 0, 0),
        ("GHOST", False, 1, 1, 0, 0),
    ]
    days = marts.execute("select service_code, response_working_days from marts.fct_agent_service").fetchall()
    assert {row["service_code"]: row["response_working_days"] for row in days} == {
        "SAME_DAY": 0,
        "TWO_DAYS": 2,
        "HOLIDAYS": 1,
        "WAITS": None,
        "ENDED": 1,
        "TURNED": None,
        "GONE": 1,
    }


@pytest.mark.parametrize("name", FIGURES)
def test_figures_with_what_they_leave_out(settings, marts, name):
    metric = metrics.load(settings)[name]
    value, n, excluded = FIGURES[name]
    scope = metric.period.scope or "true"
    found = marts.execute(f"select ({metric.sql})::float as value from marts.{metric.model} where {scope}").fetchone()
    assert found["value"] == pytest.approx(value)
    row = marts.execute(
        "select n, excluded, cohort from marts.agg_indicator"
        " where metric = %s and dimension = 'district' and period_grain = 'all'",
        [name],
    ).fetchone()
    assert (row["n"], row["excluded"]) == (n, excluded)
    assert row["cohort"] == n + sum(excluded.values())


def test_problems_are_counted_by_kind(marts):
    rows = marts.execute(
        "select slice, n from marts.agg_indicator"
        " where metric = 'problem_count' and dimension = 'problem_kind' and period_grain = 'all'"
    ).fetchall()
    assert [tuple(row.values()) for row in rows] == [("阻滞障碍", 8)]
