"""What-if through the whole build: landed 工程 of March 2025 whose other times are worked out by hand.

Each day of March stands beside its number from the first acceptance (3 March): 5 → 2, 6 → 3, 10 → 5, 13 → 8, 14 → 9,
19 → 12, 20 → 13, 21 → 14.
"""

# ruff: noqa: S608 - the tables' names are our own

from __future__ import annotations

from datetime import date

import psycopg
import pytest
from clock_world import Spgl, catalogue_row, land, open_world, stage_project
from psycopg.rows import dict_row

from yidang import build, what_if
from yidang.errors import ConfigError
from yidang.statistics import observations
from yidang.statistics import what_if as statistics_what_if

pytestmark = pytest.mark.integration

AS_OF = date(2025, 3, 31)
# item: stage, required items, promise, name
ITEMS = {
    "PLAN": (1, "", 5, "企业投资项目备案"),
    "A": (2, "", 3, "事项甲"),
    "B": (2, "", 5, "事项乙"),
    "DONE": (4, "A,B", 5, "竣工验收备案"),
}
# item: accepted and decided. A is two days over its promise; B came after A though nothing required it
SLOW = {"PLAN": (3, 5), "A": (6, 13), "B": (14, 19), "DONE": (20, 21)}
QUICK = {"PLAN": (3, 5), "A": (6, 10), "B": (11, 14), "DONE": (17, 18)}


@pytest.fixture(scope="module")
def rows(settings, tmp_path_factory):
    """agg_what_if by flow type, scenario and clock; of all flow types under None."""
    with (
        pytest.MonkeyPatch.context() as patch,
        psycopg.connect(settings.admin_dsn("yidang"), autocommit=True) as warehouse,
    ):
        open_world(settings, tmp_path_factory.mktemp("departments"), patch)
        land_world(warehouse)
        select = "+int_what_if_steps +int_build +int_departments +int_items"
        build.build(settings, as_of=AS_OF, select=select, with_tests=True)
        with warehouse.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute("select * from marts.agg_what_if").fetchall()
        yield {(row["flow_type"], row["scenario"], row["clock"]): row for row in found}


def land_world(warehouse: psycopg.Connection) -> None:
    alpha = Spgl("alpha")
    for flow_type in ("3", "4"):
        flow = {"splcbm": f"LC{flow_type}", "splcbbh": "1"}
        alpha.add("dfxmsplcxxb", **flow, splcmc="流程", splclx=flow_type, splcsxsj="2020-01-01")
        for stage in (1, 2, 3, 4):
            alpha.add("dfxmsplcjdxxb", **flow, spjdxh=stage, spjdmc="阶段", dybzspjdxh=stage, spjdsx=20, lcbsxlx=1)
        for item, (stage, required, promised, name) in ITEMS.items():
            placed = {"spjdxh": stage, "spsxbm": item, "spsxbbh": "1", "spsxmc": name, "spbmmc": "甲局"}
            limits = {"spsxblsx": promised, "qzspsxbm": required, "sflcbsx": int(item in ("PLAN", "DONE"))}
            alpha.add("dfxmsplcjdsxxxb", **flow, **placed, **limits)
    worlds = [(SLOW, "3")] * 9 + [(QUICK, "3")] * 3 + [(SLOW, "4")] * 2
    # no DONE yet; and through, but with a case of stage 2 that is open
    worlds += [({item: SLOW[item] for item in ("PLAN", "A", "B")}, "3")] * 2 + [(SLOW, "3")]
    for number, (days, flow_type) in enumerate(worlds):
        works = f"{stage_project(number)}-001"
        alpha.works(works, stage_project(number), splclx=flow_type)
        for item, (accepted, decided) in days.items():
            events = [event("received", accepted), event("accepted", accepted), event("decided_pass", decided)]
            alpha.case(f"{number}{item}", works, item, ITEMS[item][2], events)
    alpha.case("AGAIN", works, "A", 3, [event("received", 24), event("accepted", 24)])
    alpha.land(warehouse)
    catalogue = [
        catalogue_row(item, stage=stage, statutory=20, promised=promised, prerequisite_codes=required, item_name=name)
        for item, (stage, required, promised, name) in ITEMS.items()
    ]
    land(warehouse, "zhengwu", "service_item", catalogue)


def event(kind: str, day: int) -> dict:
    return {"kind": kind, "at": f"2025-03-{day:02d} 09:00:00"}


def figures(row: dict, *names: str) -> tuple:
    return tuple(row[name] for name in names)


def test_the_present_is_what_was_measured(rows):
    # PLAN 0-2, A 3-8, B 9-12, DONE 13-14; quick: PLAN 0-2, A 3-5, B 6-9, DONE 10-11
    for clock, slow, quick in (("approval", 11, 8), ("span", 14, 11)):
        row = rows["3", "baseline", clock]
        assert figures(row, "works_count", "project_count", "differing_works_count") == (12, 12, 0)
        assert figures(row, "measured_p50_days", "p50_days", "p80_days", "baseline_error_days") == (slow, slow, slow, 0)
        assert row["mean_days"] == (9 * slow + 3 * quick) / 12
        assert row["is_offered"] and row["mean_lower"] < row["mean_days"] < row["mean_upper"] <= slow


def test_what_is_not_through_is_counted_and_not_guessed(rows):
    assert rows["3", "promise", "span"]["excluded_by_reason"] == {"open_case": 1, "unfinished": 2}
    assert rows[None, "promise", "span"]["works_count"] == 14
    assert rows[None, "promise", "span"]["excluded_count"] == 3


@pytest.mark.parametrize(
    ("scenario", "slow", "quick"),
    [
        # B waits for PLAN: 7 days, 5 of them A's: 4-7; DONE a day after both: 9-10. Quick: B 4-7, DONE 8-9
        ("parallel", (8, 10), (7, 9)),
        # B is accepted with A: 3-6, DONE 9-10. Quick: A 3-5, B 3-6, DONE 7-8
        ("together", (8, 10), (6, 8)),
        # A two days less: 3-6, B 7-10, DONE 11-12. Quick: was within it
        ("promise", (9, 12), (8, 11)),
        # the quickest quarter of twelve A took 2 days: 3-5, B 6-9, DONE 10-11
        ("department", (8, 11), (8, 11)),
    ],
)
def test_scenarios_are_as_worked_out_by_hand(rows, scenario, slow, quick):
    for place, clock in enumerate(("approval", "span")):
        row, base = (rows["3", name, clock] for name in (scenario, "baseline"))
        assert figures(row, "p50_days", "p80_days") == (slow[place], slow[place])
        assert row["mean_days"] == pytest.approx((9 * slow[place] + 3 * quick[place]) / 12)
        assert row["change_mean_days"] == pytest.approx(row["mean_days"] - base["mean_days"], abs=1e-5)
        assert row["change_mean_lower"] <= row["change_mean_days"] <= row["change_mean_upper"] < 0
        assert row["shorter_works_count"] == (12 if scenario in ("parallel", "together") else 9)
        assert row["longer_works_count"] == 0
        assert row["label"] == "测算（模拟，不是实测）"


def test_the_department_is_named(rows):
    row = rows["3", "department", "span"]
    assert row["department_name"] == "甲局" and row["scenario_name"] == "若甲局每件都不慢于本部门同一事项最快的四分之一"


def test_two_工程_are_too_few(rows):
    for (flow_type, scenario, _), row in rows.items():
        if flow_type == "4":
            assert row["is_suppressed"] and row["p50_days"] is None and row["measured_p50_days"] is None
            assert row["works_count"] == 2 and scenario != "department"


def test_the_reader_says_it_with_its_label(rows, settings):
    text = what_if.said(settings, flow_type="3")
    assert text.splitlines()[0].startswith("测算（模拟，不是实测）  截至2025-03-31")
    assert "已完成工程12个（项目12个）；未计3个（尚有在办件1、未完成2）" in text
    assert "若每件都在承诺时限内办结：中位数12.0（" in text
    assert "样本不足（工程2个，项目2个）" in what_if.said(settings, flow_type="4")
    assert "全部流程类型：已完成工程14个" in what_if.said(settings)
    with pytest.raises(ConfigError, match="flow type NONE"):
        what_if.said(settings, flow_type="NONE")


@pytest.mark.parametrize("kept", ["false", "true"], ids=["none is through", "no 工程"])
def test_while_nothing_is_through_there_is_no_figure(rows, settings, kept):
    """Temporary tables stand before those of the build."""
    with psycopg.connect(settings.admin_dsn("yidang"), options="-c search_path=intermediate,seeds") as connection:
        connection.execute(
            "create temporary table int_what_if_works as"
            " select works_code, project_code, flow_type, 'unfinished' as exclusion_reason, approval_working_days,"
            f" span_working_days from intermediate.int_what_if_works where not {kept};"
            "create temporary table int_what_if_steps as select * from intermediate.int_what_if_steps limit 0"
        )
        found = statistics_what_if.rows(connection, observations.stamp(connection))
        connection.rollback()
    assert bool(found) == (kept == "false")
    assert all(row["works_count"] == 0 and row["is_suppressed"] and row["p50_days"] is None for row in found)
