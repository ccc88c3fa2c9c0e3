"""Stages, 工程 and projects from landed rows to the marts; every day counted here by hand from the calendar."""

# ruff: noqa: S608 - the marts' names are our own

from __future__ import annotations

import shutil
from datetime import date
from decimal import Decimal

import psycopg
import pytest
from clock_world import Spgl, catalogue_row, land, open_world
from psycopg.rows import dict_row

from yidang import build
from yidang.settings import ROOT

pytestmark = pytest.mark.integration

AS_OF, EARLIER = date(2025, 12, 31), date(2025, 5, 30)
MARTS = ("fct_project_lifecycle", "fct_works_lifecycle", "fct_stage", "fct_milestone", "dim_flow", "dim_stage")
ITEMS = {
    "FILE": ("企业投资项目备案", 1),
    "LAND": ("建设用地规划许可证", 1),
    "REVIEW": ("建设工程设计方案审查", 2),
    "PLAN": ("建设工程规划许可证", 2),
    "DRAW": ("施工图设计文件审查", 3),
    "BUILD": ("建筑工程施工许可证核发", 3),
    "VERIFY": ("建设工程规划核实", 4),
    "FIRE": ("建设工程消防验收", 4),
    "DONE": ("竣工验收备案", 4),
}
ALL, ANY = 1, 2
# (version, local stage, national stages, limit, rule, milestone items, other items)
FLOW = [
    (1, 1, "1,2", 5, ALL, ("LAND", "PLAN"), ("FILE", "REVIEW")),
    (1, 2, "3", 10, ANY, ("DRAW", "BUILD"), ()),
    (1, 3, "4", 12, ALL, (), ("VERIFY", "FIRE", "DONE")),
    (2, 1, "1", 25, ALL, ("LAND",), ("FILE",)),
    (2, 2, "2", 18, ALL, ("REVIEW", "PLAN"), ()),
    (2, 3, "3", 10, ANY, ("DRAW", "BUILD"), ()),
    (2, 4, "4", 12, ALL, ("DONE",), ("VERIFY", "FIRE")),
]


def code(letter: str) -> str:
    """A project code in the old format, which has no check digit."""
    return f"2017-330199-47-03-{ord(letter):06d}"


MERGED, HALF, TWO_WORKS, LATE, GIVEN_UP, STALLED, FINISHED, NOT_YET, SPLIT = map(code, "ABCDEFGHI")


def handled(accepted: str, decided: str | None, *between: tuple[str, str]) -> list[dict]:
    events = [("received", accepted), ("accepted", accepted), *between]
    return [{"kind": kind, "at": at} for kind, at in [*events, *([("decided_pass", decided)] if decided else [])]]


def land_world(warehouse: psycopg.Connection) -> None:
    rows = [
        catalogue_row(item, stage=stage, statutory=20, promised=10, item_name=name)
        for item, (name, stage) in ITEMS.items()
    ]
    rows.append(catalogue_row("LATER", stage=4, statutory=20, promised=5, effective_from="2025-11-03"))
    land(warehouse, "zhengwu", "service_item", rows)
    order = {"id": 1, "project_code": TWO_WORKS, "category": "测绘", "commissioned_by": "建设单位"}
    land(warehouse, "zhengwu", "agent_order", [order | {"ordered_at": "2025-04-09", "delivered_at": "2025-04-11"}])
    alpha = Spgl("alpha")
    for version, effective in ((1, "2024-01-01"), (2, "2025-03-01")):
        alpha.add("dfxmsplcxxb", splcbm="F3", splcbbh=version, splcmc="示例流程", splclx="3", splcsxsj=effective)
    for version, number, national, limit, rule, milestones, others in FLOW:
        stage = {"splcbm": "F3", "splcbbh": version, "spjdxh": number}
        alpha.add("dfxmsplcjdxxb", **stage, spjdmc=f"阶段{national}", dybzspjdxh=national, spjdsx=limit, lcbsxlx=rule)
        for item in (*milestones, *others):
            name, _ = ITEMS[item]
            is_milestone = int(item in milestones)
            details = {"spsxbm": item, "spsxbbh": 1, "spsxmc": name, "spbmmc": "甲局", "sflcbsx": is_milestone}
            alpha.add("dfxmsplcjdsxxxb", **stage, **details, spsxblsx=10)
    # one national stage in two local ones
    alpha.add("dfxmsplcxxb", splcbm="F4", splcbbh=1, splcmc="分段流程", splclx="4", splcsxsj="2024-01-01")
    for number, limit in ((1, 2), (2, 20)):
        stage = {"splcbm": "F4", "splcbbh": 1, "spjdxh": number, "spjdmc": f"第{number}段"}
        alpha.add("dfxmsplcjdxxb", **stage, dybzspjdxh="3", spjdsx=limit, lcbsxlx=ALL)
    land_cases(alpha)
    alpha.land(warehouse)
    land_register(warehouse)


def land_cases(alpha: Spgl) -> None:
    def case(works: str, item: str, events: list[dict], promised: int = 10, **values: str) -> None:
        alpha.case(f"{works[-5:]}-{item}", works, item, promised, events, **values)

    for project, serials in {MERGED: 1, HALF: 1, TWO_WORKS: 2, LATE: 1, STALLED: 1, FINISHED: 2, NOT_YET: 1}.items():
        for serial in range(1, serials + 1):
            planned = "1970-01-01" if project == NOT_YET else "2025-02-03"
            alpha.works(f"{project}-{serial}", project, nkgsj=planned, qjdgcdm=None)
    # 4 to 7 June, and 6, 7, 11 and 12 June: the 10th was a holiday
    case(f"{MERGED}-1", "LAND", handled("2024-06-03", "2024-06-07"), blspslbm="TOGETHER")
    case(f"{MERGED}-1", "PLAN", handled("2024-06-05", "2024-06-12"), blspslbm="TOGETHER")
    case(f"{MERGED}-1", "DRAW", handled("2024-07-01", "2024-07-05"))
    case(f"{MERGED}-1", "BUILD", handled("2025-12-30", None))
    case(f"{HALF}-1", "LAND", handled("2025-03-03", "2025-03-07"))
    case(f"{HALF}-1", "REVIEW", handled("2025-03-10", "2025-03-14"))
    # 8 and 9 April; 15 and 18 April with a review on the 16th and 17th; 15 and 16 April
    case(TWO_WORKS, "FILE", handled("2025-04-07", "2025-04-09"))
    review = (("special_start", "2025-04-15"), ("special_end", "2025-04-17"))
    case(f"{TWO_WORKS}-1", "PLAN", handled("2025-04-14", "2025-04-18", *review))
    case(f"{TWO_WORKS}-2", "PLAN", handled("2025-04-14", "2025-04-16"))
    answer = (("correction_requested", "2025-05-13"), ("correction_received", "2025-05-15"))
    case(f"{LATE}-1", "PLAN", handled("2025-05-12", "2025-05-16", *answer))
    case(f"{LATE}-1", "BUILD", handled("2025-12-24", None))
    case(f"{LATE}-1", "DRAW", handled("2025-12-22", None), promised=3)
    case(f"{STALLED}-1", "LAND", handled("2024-09-02", "2024-09-04"))
    case(f"{FINISHED}-1", "VERIFY", handled("2025-09-01", "2025-09-08"), blspslbm="JOINT")
    case(f"{FINISHED}-1", "FIRE", handled("2025-09-01", "2025-09-10"), blspslbm="JOINT")
    case(f"{FINISHED}-1", "DONE", handled("2025-09-11", "2025-09-12"))
    case(f"{FINISHED}-2", "DONE", handled("2025-10-16", "2025-10-17"))
    # a 工程 given up, and one that is reported only next year
    alpha.works(f"{FINISHED}-3", FINISHED, nkgsj="2025-02-03", qjdgcdm=None)
    given_up = [{"kind": kind, "at": f"2025-10-{day}"} for kind, day in (("accepted", 16), ("withdrawn", 20))]
    case(f"{FINISHED}-3", "DONE", given_up)
    alpha.works(f"{FINISHED}-4", FINISHED, sbsj="2026-03-02 09:00:00", qjdgcdm=None)
    alpha.works(f"{SPLIT}-1", SPLIT, splclx="4", qjdgcdm=None)
    case(f"{SPLIT}-1", "BUILD", handled("2025-09-01", "2025-09-10"))
    case(f"{SPLIT}-1", "LATER", handled("2025-09-15", "2025-09-17"), spsxbbh=None)
    case(f"{NOT_YET}-1", "DONE", handled("2025-08-04", "2025-08-05"))
    # a certificate of a case that nobody sent
    title = {"pfwh": "示规〔2025〕7号", "pfwjbt": "关于示例项目建设工程规划许可证的批复"}
    alpha.add("xmspsxpfwjxxb", spsxslbm="NEVER-SENT", gcdm=f"{NOT_YET}-1", pfrq="2025-03-14", **title)


def land_register(warehouse: psycopg.Connection) -> None:
    def row(number: int, project: str, status: str, updated: str) -> dict:
        named = {"project_code": project, "project_name": f"示例{number}", "flow_type": "一般社会投资项目"}
        return {"id": number, **named, "registered_at": "2024-01-02", "status": status, "updated_at": updated}

    going_on = (MERGED, HALF, TWO_WORKS, LATE, STALLED, NOT_YET, SPLIT)
    rows = [row(number, project, "在建", "2025-01-02") for number, project in enumerate(going_on)]
    land(
        warehouse,
        "fagai",
        "projects",
        [*rows, row(8, FINISHED, "竣工", "2025-10-17"), row(9, GIVEN_UP, "前期", "2025-02-01")],
    )
    land(warehouse, "fagai", "projects", [row(9, GIVEN_UP, "终止", "2025-06-10")])
    land(warehouse, "fagai", "projects", [row(9, GIVEN_UP, "终止", "2025-08-01")])


@pytest.fixture(scope="module")
def facts(settings, tmp_path_factory):
    """{"now": {mart: {key: row}}, "earlier": …}: the same landed rows built for two days."""
    with (
        pytest.MonkeyPatch.context() as patch,
        psycopg.connect(settings.admin_dsn("yidang"), autocommit=True) as warehouse,
    ):
        folder = tmp_path_factory.mktemp("departments")
        shutil.copy(ROOT / "departments" / "fagai.yml", folder)
        open_world(settings, folder, patch)
        land_world(warehouse)
        warehouse.row_factory = dict_row
        found = {}
        for name, as_of in {"earlier": EARLIER, "now": AS_OF}.items():
            selection = " ".join(f"+{mart}" for mart in MARTS)
            build.build(settings, as_of=as_of, select=selection, with_tests=name == "now")
            found[name] = {mart: warehouse.execute(f"select * from marts.{mart}").fetchall() for mart in MARTS}
        yield found


def one(facts: dict, mart: str, when: str = "now", **key: object) -> dict:
    (row,) = (row for row in facts[when][mart] if all(row[name] == value for name, value in key.items()))
    return row


def stage(facts: dict, works: str, number: int) -> dict:
    return one(facts, "fct_stage", works_code=works, stage_number=number)


def project(facts: dict, project_code: str, when: str = "now") -> dict:
    return one(facts, "fct_project_lifecycle", when, project_code=project_code)


def picked(row: dict, names: str) -> dict:
    return {name: row[name] for name in names.split()}


def test_a_stage_that_the_flow_merges_is_one_row_under_its_first_number(facts):
    row = stage(facts, f"{MERGED}-1", 1)
    assert (row["stage_numbers"], row["flow_version"], row["finish_rule"]) == ("1,2", "1", "all")
    assert row["finished_date"] == date(2024, 6, 12), "the later of the two milestone items"
    assert picked(row, "sum_item_days union_active_days max_item_days span_working_days") == {
        "sum_item_days": 8,
        "union_active_days": 6,
        "max_item_days": 4,
        "span_working_days": 6,
    }
    assert (row["overlap_share"], row["parallel_share"]) == (Decimal("0.25"), 1)
    assert (row["stage_limit"], row["is_over_stage_limit"], row["pace_state"]) == (5, True, "late")
    assert not [
        found
        for found in facts["now"]["fct_stage"]
        if found["works_code"] == f"{MERGED}-1" and found["stage_number"] == 2
    ]


def test_any_milestone_item_ends_a_stage_although_another_is_open(facts):
    row = stage(facts, f"{MERGED}-1", 3)
    assert (row["finish_rule"], row["finished_date"], row["open_case_count"]) == ("any", date(2024, 7, 5), 1)


def test_all_milestone_items_must_be_granted_whatever_else_is_closed(facts):
    row = stage(facts, f"{HALF}-1", 2)
    assert (row["flow_version"], row["finish_rule"], row["is_finished"], row["open_case_count"]) == (
        "2",
        "all",
        False,
        0,
    )
    assert stage(facts, f"{HALF}-1", 1)["finished_date"] == date(2025, 3, 7)


def test_the_next_stage_does_not_end_the_one_before(facts):
    """TWO_WORKS got its planning permit without ever applying for its land."""
    row = stage(facts, TWO_WORKS, 1)
    assert (row["is_project_wide"], row["case_count"], row["is_finished"]) == (True, 1, False)


def test_a_project_wide_case_holds_up_every_works_and_the_project_takes_the_longest(facts):
    first, second = (one(facts, "fct_works_lifecycle", works_code=f"{TWO_WORKS}-{serial}") for serial in (1, 2))
    assert (first["approval_working_days"], second["approval_working_days"]) == (4, 4)
    assert (first["case_count"], first["project_case_count"]) == (1, 1)
    row = project(facts, TWO_WORKS)
    assert (row["approval_working_days"], row["approval_working_days_union"], row["works_count"]) == (4, 5, 2)


def test_every_day_of_the_span_belongs_to_somebody(facts):
    """Of 8 to 18 April: 10 and 11 with the owner's agency, 14 with the owner, 16 and 17 in a review."""
    names = "span_working_days applicant_working_days all_paused_working_days department_working_days "
    names += "government_agency_working_days utility_working_days owner_agency_working_days owner_working_days"
    row = one(facts, "fct_works_lifecycle", works_code=f"{TWO_WORKS}-1")
    assert list(picked(row, names).values()) == [9, 3, 2, 6, 0, 0, 2, 1]
    assert list(picked(project(facts, TWO_WORKS), names).values()) == [9, 3, 1, 6, 0, 0, 2, 1]
    corrected = one(facts, "fct_works_lifecycle", "now", works_code=f"{LATE}-1")
    earlier = one(facts, "fct_works_lifecycle", "earlier", works_code=f"{LATE}-1")
    assert list(picked(earlier, names).values()) == [4, 0, 2, 2, 0, 0, 0, 2], "corrections are the owner's"
    assert corrected["span_working_days"] > earlier["span_working_days"]


def test_what_is_due_next_and_who_holds_it(facts):
    row = project(facts, LATE)
    assert picked(
        row, "next_due_item_name next_due_date next_due_department_name next_due_office_name alert_state"
    ) == {
        "next_due_item_name": "施工图设计文件审查",
        "next_due_date": date(2025, 12, 25),
        "next_due_department_name": "甲局",
        "next_due_office_name": "审批科",
        "alert_state": "overdue",
    }
    assert (row["pace_state"], row["overdue_case_count"]) == ("late", 1)
    case_id = row["late_case_id"]
    assert row["late_reason"].startswith(
        f"施工图设计文件审查（{case_id.partition(':')[2]}）：甲局·审批科2025年12月22日受理，2025年12月25日到期，逾期"
    ), row["late_reason"]
    assert row["late_reason"].endswith(f"逾期{row['late_working_days']}个工作日")
    assert project(facts, STALLED)["next_due_date"] is None


def test_every_late_project_says_why_and_no_other(facts):
    late = [row for row in facts["now"]["fct_project_lifecycle"] if row["pace_state"] == "late"]
    assert len(late) > 1 and all(row["late_reason"] for row in late)
    others = [row for row in facts["now"]["fct_project_lifecycle"] if row["pace_state"] != "late"]
    assert others and not any(row["late_reason"] for row in others)
    assert any("阶段用时" in row["late_reason"] for row in late), "a stage over its limit is a reason, too"


def test_a_project_is_finished_with_its_last_works(facts):
    row = project(facts, FINISHED)
    assert (row["completion_date"], row["is_open"], row["finished_works_count"]) == (date(2025, 10, 17), False, 2)
    assert (row["current_milestone"], row["current_stage_number"]) == ("completion", 4)
    assert row["joint_acceptance_date"] == date(2025, 9, 10), "the other 工程 was finished without one"
    earlier = project(facts, FINISHED, "earlier")
    assert (earlier["completion_date"], earlier["is_open"], earlier["case_count"]) == (None, True, 0)


def test_a_works_given_up_or_not_yet_reported_holds_up_no_project(facts):
    rows = facts["now"]["fct_works_lifecycle"]
    given_up = {row["works_code"][-1]: row["is_withdrawn"] for row in rows if row["project_code"] == FINISHED}
    assert given_up == {"1": False, "2": False, "3": True}
    row = project(facts, FINISHED)
    assert (row["works_count"], row["finished_works_count"], row["is_open"]) == (3, 2, False)


def test_a_stage_that_the_flow_splits_counts_its_cases_once_and_has_no_limit(facts):
    row = stage(facts, f"{SPLIT}-1", 3)
    assert (row["case_count"], row["sum_item_days"], row["union_active_days"]) == (1, 7, 7)
    assert (row["stage_limit"], row["finish_rule"], row["is_over_stage_limit"]) == (None, "nothing_open", False)


def test_a_case_older_than_the_catalogue_has_its_stage(facts):
    row = stage(facts, f"{SPLIT}-1", 4)
    assert (row["case_count"], row["finished_date"]) == (1, date(2025, 9, 17))


def test_a_project_that_the_register_calls_unfinished_awaits_a_works_nobody_reported(facts):
    row = project(facts, NOT_YET)
    assert (row["completion_date"], row["is_open"], row["awaits_unreported_works"]) == (None, True, True)
    assert one(facts, "fct_works_lifecycle", works_code=f"{NOT_YET}-1")["completion_date"] == date(2025, 8, 5)
    assert not project(facts, FINISHED)["awaits_unreported_works"]


def test_a_termination_has_the_day_the_register_first_said_so(facts):
    row, earlier = project(facts, GIVEN_UP), project(facts, GIVEN_UP, "earlier")
    assert (row["is_withdrawn"], row["is_open"], row["withdrawn_date"]) == (True, False, date(2025, 6, 10))
    assert (earlier["is_withdrawn"], earlier["is_open"], earlier["withdrawn_date"]) == (False, True, None)
    assert one(facts, "fct_works_lifecycle", project_code=GIVEN_UP)["is_whole_project"]


def test_stalled_moves_with_the_day_although_nothing_happens(facts):
    assert (project(facts, STALLED, "earlier")["is_stalled"], project(facts, STALLED)["is_stalled"]) == (False, True)


def test_milestones_have_their_evidence_and_their_plan(facts):
    permit = one(facts, "fct_milestone", works_code=f"{NOT_YET}-1", milestone="planning_permit")
    assert (permit["evidence"], permit["milestone_date"], permit["case_id"]) == ("document", date(2025, 3, 14), None)
    assert permit["document_number"] == "示规〔2025〕7号"
    granted = one(facts, "fct_milestone", works_code=f"{MERGED}-1", milestone="planning_permit")
    assert (granted["evidence"], granted["milestone_date"]) == ("case", date(2024, 6, 12))
    start = one(facts, "fct_milestone", works_code=f"{MERGED}-1", milestone="construction_start")
    assert (start["is_reached"], start["planned_date"]) == (False, date(2025, 2, 3))
    plans = [row for row in facts["now"]["fct_milestone"] if row["planned_date"] and row["project_code"] == NOT_YET]
    assert plans == [], "1970-01-01 is no plan"
    assert all(row["milestone_date"] <= EARLIER for row in facts["earlier"]["fct_milestone"] if row["is_reached"])


def test_flows_have_versions_and_stages_their_rule(facts):
    flows = [row for row in facts["now"]["dim_flow"] if row["flow_code"] == "F3"]
    versions = [(row["flow_version"], row["valid_to"], row["is_current"]) for row in flows]
    assert sorted(versions) == [("1", date(2025, 2, 28), False), ("2", None, True)]
    merged = one(facts, "dim_stage", flow_code="F3", flow_version="1", local_stage_number="1")
    assert (merged["stage_number"], merged["stage_numbers"], merged["milestone_rule"]) == (1, "1,2", "all")
    assert merged["milestone_item_codes"] == "LAND,PLAN"
    assert one(facts, "dim_stage", flow_code="F3", flow_version="1", local_stage_number="2")["milestone_rule"] == "any"
