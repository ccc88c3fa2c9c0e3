"""The pipeline of planned projects, investment against plan, and new starts in a window, worked out by hand."""

# ruff: noqa: S608 - the queries are put together from our own definitions

from __future__ import annotations

from datetime import date
from decimal import Decimal

import psycopg
import pytest
from clock_world import Spgl, catalogue_row, land
from ledger_world import built_ledgers

from yidang import metrics

pytestmark = pytest.mark.integration

AS_OF = date(2026, 3, 20)
MARTS = ["fct_pipeline_project", "fct_investment_month", "agg_new_start_window", "agg_indicator"]


def code(number: int) -> str:
    return f"2017-330199-47-03-{number:06d}"


# Construction permits: of 2025 twelve, of which five from 23 October to 31 December; of 2024 ten, of which two then.
PERMITS = {
    **{number: f"2025-{number:02d}-10" for number in range(1, 8)},
    **dict(zip(range(8, 13), ("2025-10-23", "2025-11-05", "2025-12-01", "2025-12-30", "2025-12-31"), strict=True)),
    **{number: f"2024-{number - 20:02d}-12" for number in range(21, 29)},
    29: "2024-10-22",
    30: "2024-12-02",
    31: "2024-12-31",
    40: "2026-01-15",
}
STARTED, REGISTERED, NOWHERE = code(1), code(50), code(99)


@pytest.fixture(scope="module")
def marts(settings, tmp_path_factory):
    """Connection whose rows are dicts, after the world was landed and built as of AS_OF."""
    with built_ledgers(settings, tmp_path_factory.mktemp("departments"), AS_OF, land_world, MARTS) as connection:
        yield connection


def land_world(warehouse: psycopg.Connection) -> None:
    land_permits(warehouse)
    for table, rows in TEAM.items():
        land(warehouse, "zhuanban", table, rows)


def land_permits(warehouse: psycopg.Connection) -> None:
    item = catalogue_row("BUILD", stage=3, statutory=20, promised=10, item_name="建筑工程施工许可证核发")
    land(warehouse, "zhengwu", "service_item", [item])
    alpha = Spgl("alpha")
    alpha.works(f"{REGISTERED}-1", REGISTERED, xmmc="示例已登记项目")
    for number, granted in PERMITS.items():
        alpha.works(f"{code(number)}-1", code(number), xmmc=f"示例项目{number}", sbsj="2023-12-01")
        events = [{"kind": kind, "at": granted} for kind in ("received", "accepted", "decided_pass")]
        alpha.case(f"B{number}", f"{code(number)}-1", "BUILD", 10, events)
    alpha.land(warehouse)


def plan(number: str, readiness: str, *moments: str | None, year: int = 2025, **values: object) -> dict:
    """moments: tasked, listed, decided, dropped."""
    row = {"pipeline_no": number, "plan_year": year, "task": "城市更新", "readiness": readiness}
    row |= {"project_name": f"谋划项目{number}", "planned_investment_wan": 1200}
    return {**row, **dict(zip(("tasked_at", "listed_at", "decided_at", "dropped_at"), moments, strict=False)), **values}


PLANS = [
    plan("STARTED", "成熟", "2024-09-01", "2024-10-01", "2024-12-01", project_code=STARTED, list_name="年度谋划清单"),
    plan("DECIDED", "成熟", "2025-01-05", "2025-02-04", "2025-05-05", project_code=REGISTERED),
    plan("LISTED", "孵化", "2025-03-01", "2025-03-11", "2026-04-01"),  # the decision is not known yet
    plan("TASKED", "孕育", "2026-02-01", year=2026, planned_investment_wan=100),
    plan("DROPPED", "孵化", "2025-01-10", "2025-02-10", None, "2025-03-31"),
    plan("TURNED", "孵化", "2025-06-01", "2025-05-01", planned_investment_wan=None),
    plan("TOMORROW", "孕育", "2026-03-21", year=2026),
]
ELEMENTS = [
    {"pipeline_no": "DECIDED", "element": "资金", "needed_by": "2025-05-01", "matched_at": "2025-04-01"},
    {"pipeline_no": "DECIDED", "element": "用地", "needed_by": "2025-06-01", "matched_at": "2025-07-01"},
    {"pipeline_no": "DECIDED", "element": "能耗", "needed_by": "2026-12-01"},
    {"pipeline_no": "LISTED", "element": "规划", "needed_by": "2026-03-01", "matched_at": "2026-04-01"},
    {"pipeline_no": "LISTED", "element": "环评", "needed_by": "2026-02-01"},
    {"pipeline_no": "STARTED", "element": "资金", "needed_by": "2024-12-01"},
    {"pipeline_no": "TOMORROW", "element": "资金", "needed_by": "2026-12-01"},
    {"pipeline_no": "NOBODY", "element": "资金", "needed_by": "2025-12-01"},
]
DONE = [
    *({"project_code": STARTED, "month": f"2025-{month:02d}-01", "amount_wan": 90} for month in range(2, 13)),
    {"project_code": STARTED.replace("-", "－"), "month": "2025-12-01", "amount_wan": 10},  # noqa: RUF001 - as typed
    {"project_code": REGISTERED, "month": "2025-11-01", "amount_wan": 40},
    {"project_code": NOWHERE, "month": "2025-12-01", "amount_wan": 0},
    {"project_code": NOWHERE, "month": "2026-01-01", "amount_wan": 5},
    {"project_code": "无", "month": "2026-01-01", "amount_wan": 3},
    {"project_code": STARTED, "month": "2026-04-01", "amount_wan": 1000},
]
TEAM = {"pipeline_project": PLANS, "pipeline_element": ELEMENTS, "investment_done": DONE}

NOT_LIVE = {"查无编号": 1, "已开工": 1, "已退出": 1}
# Plans of 100 a month: STARTED, DECIDED and LISTED twelve months, DROPPED three; TASKED 100 for a year: 8.33 for
# January, 8.34 for February, of which nothing is reported yet, and 8.33 for March, which is not over. The ledger begins
# with February 2025, so nobody knows what was done of the four plans of January.
PLANNED, PLANNED_AND_REPORTED = 3_900 + 25, 3_900 - 4 * 100 + 8.33
# With a plan STARTED did 90 in eleven months and 10 more, REGISTERED 40; January 2026 has none.
DONE_TO_PLAN = 11 * 90 + 10 + 40
FIGURES = {
    "pipeline_project_count": (6, 6, {"查无编号": 1}),
    "pipeline_live_count": (4, 4, NOT_LIVE),
    "pipeline_live_investment_wan": (2_500, 3, {**NOT_LIVE, "未填计划投资": 1}),
    "pipeline_started_rate": (1 / 6, 6, {"查无编号": 1}),
    "pipeline_element_matched_rate": (2 / 5, 4, NOT_LIVE),
    "task_to_list_days_median": ((30 + 30) / 2, 4, {"查无编号": 1, "日期顺序错误": 1, "无入库日期": 1}),
    "list_to_decision_days_median": ((61 + 90) / 2, 2, {"查无编号": 1, "日期顺序错误": 1, "无决策日期": 3}),
    "decision_to_start_days_median": (40, 1, {"查无编号": 1, "日期顺序错误": 1, "无开工日期": 4}),
    "investment_done_wan": (DONE_TO_PLAN + 0 + 5 + 3, 15, {"未报投资额": 30}),
    "investment_done_planned_wan": (DONE_TO_PLAN, 42, {"无年度计划": 3}),
    "investment_planned_wan": (PLANNED, 42, {"无年度计划": 3}),
    "investment_progress_rate": (
        DONE_TO_PLAN / PLANNED_AND_REPORTED,
        36,
        {"无年度计划": 3, "未满的月份": 1, "没有报送的月份": 5},
    ),
}


def test_planned_projects_and_what_they_lack(marts):
    rows = marts.execute("select * from marts.fct_pipeline_project").fetchall()
    found = {row["pipeline_code"]: row for row in rows}
    assert {number: (row["state_name"], row["is_live"]) for number, row in found.items()} == {
        "STARTED": ("已开工", False),
        "DECIDED": ("已决策", True),
        "LISTED": ("已入库", True),
        "TASKED": ("已下达任务", True),
        "DROPPED": ("已退出", False),
        "TURNED": ("已入库", True),
        "NOBODY": ("查无编号", False),
    }
    elements = ("element_count", "matched_element_count", "overdue_element_count", "missing_elements")
    assert {number: tuple(row[name] for name in elements) for number, row in found.items()} == {
        "STARTED": (1, 0, 1, "资金"),
        "DECIDED": (3, 2, 0, "能耗"),
        "LISTED": (2, 0, 2, "环评、规划"),
        "TASKED": (0, 0, 0, None),
        "DROPPED": (0, 0, 0, None),
        "TURNED": (0, 0, 0, None),
        "NOBODY": (1, 0, 1, "资金"),
    }
    days = ("tasked_to_listed_days", "listed_to_decided_days", "decided_to_started_days")
    assert tuple(found["STARTED"][name] for name in days) == (30, 61, 40)
    assert tuple(found["TURNED"][name] for name in days) == (None, None, None)
    assert {number for number, row in found.items() if row["has_order_error"]} == {"TURNED", "NOBODY"}
    names = {number: row["project_name"] for number, row in found.items()}
    assert (names["DECIDED"], names["LISTED"], names["NOBODY"]) == ("示例已登记项目", "谋划项目LISTED", None)


def test_investment_done_against_an_even_plan(marts):
    rows = marts.execute("select * from marts.fct_investment_month order by investment_id").fetchall()
    found = {(row["project_code"], row["month"].isoformat()[:7]): row for row in rows if row["project_code"]}
    december = found[STARTED, "2025-12"]
    assert (december["planned_wan"], december["done_wan"], december["row_count"]) == (100, 100, 2)
    assert (found[STARTED, "2025-01"]["planned_wan"], found[STARTED, "2025-01"]["done_wan"]) == (100, None)
    assert (STARTED, "2026-04") not in found
    tasked = [row for row in rows if row["investment_id"].startswith("zhuanban:TASKED")]
    assert [(row["is_month_over"], row["is_month_reported"]) for row in tasked] == [
        (True, True),
        (True, False),
        (False, False),
    ]
    assert (found[NOWHERE, "2026-01"]["is_known_project"], found[NOWHERE, "2026-01"]["done_wan"]) == (False, 5)
    # what names no project, and plans of what is not registered, stay
    others = {row["investment_id"]: (row["planned_wan"], row["done_wan"]) for row in rows if not row["project_code"]}
    assert others["zhuanban:无:2026-01-01"] == (None, 3)
    assert others["zhuanban:TASKED:2026-02-01"] == (Decimal("8.34"), None)
    assert [name[-10:] for name in others if "DROPPED" in name] == ["2025-01-01", "2025-02-01", "2025-03-01"]


def test_new_starts_of_a_window_against_the_year_an_even_spread_and_the_year_before(marts):
    rows = marts.execute("select * from marts.agg_new_start_window").fetchall()
    found = {row["start_rule"]: row for row in rows if row["first_day"].year == 2025}
    counts = ("start_count", "year_start_count", "previous_start_count", "previous_year_start_count")
    assert tuple(found["permit"][name] for name in counts) == (5, 12, 2, 11)
    assert float(found["permit"]["window_share"]) == pytest.approx(5 / 12)
    assert float(found["permit"]["previous_window_share"]) == pytest.approx(2 / 11)
    assert float(found["permit"]["even_share"]) == pytest.approx(70 / 365)
    assert (found["permit"]["window_days"], found["permit"]["nameless_row_count"]) == (70, 0)
    # by first investment: STARTED in February, REGISTERED in November; an amount of 0 starts nothing
    assert tuple(found["investment"][name] for name in counts) == (1, 2, None, None), "no start in 2024 is no record"
    assert (found["investment"]["window_days"], found["investment"]["counted_days"]) == (70, 61)
    assert float(found["investment"]["even_share"]) == pytest.approx(61 / 365)
    assert found["investment"]["remark"] == (
        "投资按月报，只计2025-11至2025-12的整月，共61天；上年没有开工记录，不能与上年同期比；"
        "纳统台账自2025-02始，当月已在建的也算作新开工"
    )
    assert found["permit"]["remark"] is None
    assert found["investment"]["window_share"] is None, "two starts say nothing"
    assert found["investment"]["nameless_row_count"] == 1


@pytest.mark.parametrize("name", FIGURES)
def test_figures_with_what_they_leave_out(settings, marts, name):
    metric = metrics.load(settings)[name]
    value, n, excluded = FIGURES[name]
    found = marts.execute(f"select ({metric.sql})::float as value from marts.{metric.model}").fetchone()
    assert found["value"] == pytest.approx(value)
    row = marts.execute(
        "select n, excluded, cohort from marts.agg_indicator"
        " where metric = %s and dimension = 'district' and period_grain = 'all'",
        [name],
    ).fetchone()
    assert (row["n"], row["excluded"]) == (n, excluded)
