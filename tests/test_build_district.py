"""The made-up district through the whole path: its own systems → landing → gate → dbt, held against its truth."""

from __future__ import annotations

import csv
import json
from datetime import date

import pytest
from clock_world import drop_everything
from psycopg.rows import dict_row

from yidang import build, contracts, district, landing
from yidang.services import district as servers

pytestmark = [pytest.mark.integration, pytest.mark.end_to_end]

START, END = date(2024, 1, 2), date(2025, 9, 30)


@pytest.fixture(scope="module")
def truth(settings):
    """The truth's files as lists of rows, after the district was generated, pulled and built."""
    import psycopg

    with psycopg.connect(settings.admin_dsn("yidang"), autocommit=True) as warehouse:
        drop_everything(warehouse)
    servers.prepare_secrets(settings)
    servers.start(settings)
    try:
        district.generate(settings, seed=7, projects=40, start=START, end=END)
        for department in contracts.load_departments(settings):
            landing.pull(settings, department)
    finally:
        servers.stop(settings)
    build.build(settings, as_of=END)
    folder = settings.district_dir / "truth"
    found = {
        name: list(csv.DictReader((folder / f"{name}.csv").open(encoding="utf-8"))) for name in ("projects", "cases")
    }
    yield found | {"planted": json.loads((folder / "planted.json").read_text(encoding="utf-8"))}


@pytest.fixture
def marts(warehouse):
    warehouse.row_factory = dict_row
    return warehouse


def test_one_line_per_true_project(truth, marts):
    found = marts.execute(
        "select project_code, established_date, is_withdrawn from marts.fct_project_lifecycle"
    ).fetchall()
    assert sorted(row["project_code"] for row in found) == sorted(row["project_code"] for row in truth["projects"])
    established = {row["project_code"]: row["established_at"][:10] for row in truth["projects"]}
    assert {row["project_code"]: str(row["established_date"] or "") for row in found} == established


def test_each_visible_case_is_there_once_with_its_item_stage_and_limits(truth, marts):
    visible = {row["case_id"]: row for row in truth["cases"] if row["is_visible"] in ("1", "True", "true")}
    rows = marts.execute("select * from marts.fct_item_instance").fetchall()
    found = {row["instance_code"]: row for row in rows}
    assert len(found) == len(rows)
    assert set(found) == set(visible)
    columns = {
        "item_code": "item_code",
        "item_version": "item_version",
        "stage": "stage_number",
        "statutory_limit": "statutory_limit",
        "promised_limit": "promised_limit",
        "correction_count": "correction_count",
    }
    wrong = [
        (code, name, true[name], found[code][column])
        for code, true in visible.items()
        for name, column in columns.items()
        if true[name] != str(found[code][column])
    ]
    assert wrong == []


def test_acceptance_and_outcome_differ_only_where_the_truth_says_why(truth, marts):
    """Deemed acceptance is the law's answer to a late department; a withheld finish leaves a granted case open."""
    rows = {row["instance_code"]: row for row in marts.execute("select * from marts.fct_item_instance")}
    withheld = set(truth["planted"]["withheld"])
    for true in truth["cases"]:
        row = rows.get(true["case_id"])
        if row is None:
            continue
        if true["case_id"] in withheld:
            assert row["outcome"] == "open"
        else:
            assert row["outcome"] == true["outcome"], true
        flags = (row["clock_flags"] or "").split("|")
        if "DEEMED_ACCEPTED" in flags:
            assert str(row["accepted_date"]) < (true["accepted_at"][:10] or "9999"), true
        elif row["outcome"] != "not_accepted":
            assert str(row["accepted_date"] or "") == true["accepted_at"][:10], true


def test_projects_of_cases_are_found_but_for_the_planted_unlinked(truth, marts):
    rows = {row["instance_code"]: row for row in marts.execute("select * from marts.fct_item_instance")}
    unlinked = set(truth["planted"]["unlinked"])
    wrong = [
        true["case_id"]
        for true in truth["cases"]
        if true["case_id"] in rows and rows[true["case_id"]]["project_code"] not in (None, true["project_code"])
    ]
    missing = {code for code, row in rows.items() if row["project_code"] is None}
    assert wrong == []
    assert missing <= unlinked
    logged = marts.execute("select business_key from marts.issue_log where rule = 'unmatched_case'").fetchall()
    assert {row["business_key"].split(":")[1] for row in logged} == missing


def test_the_review_queue_offers_the_true_project_first_for_what_is_not_linked(truth, marts):
    projects = {true["case_id"]: true["project_code"] for true in truth["cases"]}
    queue = marts.execute(
        "select * from marts.match_review where candidate_rank is null or candidate_rank = 1"
    ).fetchall()
    unmatched = marts.execute("select instance_code from marts.fct_item_instance where project_code is null").fetchall()
    found = {row["case_id"].split(":")[1]: row["candidate_project_code"] for row in queue}
    assert set(found) == {row["instance_code"] for row in unmatched}
    assert found == {case: projects[case] for case in found}


def test_projects_registered_twice_are_one_and_said_so(truth, marts):
    logged = marts.execute("select business_key from marts.issue_log where rule = 'registered_twice'").fetchall()
    assert sorted(row["business_key"] for row in logged) == sorted(truth["planted"]["duplicate_projects"])


MILESTONE_OF = {
    "FG01": "established",
    "FG02": "established",
    "FG03": "established",
    "ZG01": "land_preapproval",
    "ZG02": "land_use_permit",
    "ZG03": "design_review",
    "ZG04": "planning_permit",
    "ZJ01": "drawing_review",
    "ZJ03": "construction_permit",
    "ZG05": "planning_verification",
    "ZJ04": "fire_acceptance",
    "RF02": "civil_defence_acceptance",
    "ZJ05": "completion",
}


def test_every_milestone_has_its_true_day(truth, marts):
    """Also where the case was never sent (体外循环) or its finish was not: the permit's document tells."""
    expected = {}
    for true in truth["cases"]:
        milestone = MILESTONE_OF.get(true["item_code"])
        if milestone and true["outcome"] == "passed":
            # 发改 files for the whole project; the register tells what an unlinked case of it does not
            place = true["project_code"] if true["department"] == "fagai" else true["works_code"]
            day = true["ended_at"][:10]
            expected[place, milestone] = min(expected.get((place, milestone), day), day)
    rows = marts.execute("select * from marts.fct_milestone where is_reached and milestone != 'joint_acceptance'")
    found = {
        (row["works_code"], row["milestone"]): str(row["milestone_date"])
        for row in rows
        if row["milestone"] != "registered"
    }
    assert found == expected
    assert len(found) > 200


def test_projects_finish_and_are_given_up_on_their_true_days(truth, marts):
    rows = marts.execute("select project_code, completion_date, withdrawn_date from marts.fct_project_lifecycle")
    found = {row["project_code"]: (str(row["completion_date"] or ""), str(row["withdrawn_date"] or "")) for row in rows}
    expected = {row["project_code"]: (row["finished_at"][:10], row["abandoned_at"][:10]) for row in truth["projects"]}
    assert found == expected
    assert any(finished for finished, _ in expected.values())


def test_stage_finish_and_overlap_are_possible(truth, marts):
    (found,) = marts.execute(
        "select count(*) as n, sum(sum_item_days) as summed, sum(union_active_days) as merged from marts.fct_stage"
    ).fetchall()
    assert found["n"] > 100
    assert found["merged"] < found["summed"], "parallel items must not be counted twice"


def test_planted_order_breaks_are_deviations_from_the_flow(truth, marts):
    """Those of cases that are in a department's list and tied to a project; nothing else is called a break."""
    known = {
        row["instance_code"]
        for row in marts.execute("select * from marts.fct_item_instance where project_code is not null")
    }
    found = marts.execute(
        "select unnest(deviating_case_ids) as case_id from marts.fct_conformance where rule = 'order_break'"
    ).fetchall()
    broken = {row["case_id"].split(":")[1] for row in found}
    planted = set(truth["planted"]["order_breaks"]) & known
    assert planted
    assert planted <= broken
    # a required item whose finish was withheld, or that was written down elsewhere, looks like a break too
    assert len(broken - planted) <= 3


def test_every_milestone_has_a_critical_path_and_every_path_its_span(truth, marts):
    """The paths' own identities are data tests; here that no 工程 with a milestone is without a path."""
    missing = marts.execute(
        "select works_code from marts.fct_works_lifecycle where construction_permit_date is not null"
        " except select works_code from marts.fct_critical_path"
    ).fetchall()
    assert missing == []
    (days,) = marts.execute(
        "select sum(working_days) as spent, sum(working_days) filter (where holder = 'applicant') as applicant"
        " from marts.fct_critical_path"
    ).fetchall()
    assert 0 < days["applicant"] < days["spent"]
