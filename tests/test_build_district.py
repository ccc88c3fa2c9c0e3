"""The made-up district through the whole path: its own systems → landing → gate → dbt, held against its truth."""

from __future__ import annotations

import csv
import json
from datetime import date
from itertools import groupby

import numpy as np
import psycopg
import pytest
from built_district import END, PROJECTS, START, build_district
from psycopg.rows import dict_row
from statsmodels.duration.survfunc import CumIncidenceRight

from yidang import query
from yidang.clock import explain
from yidang.district import effect
from yidang.district.simulate import simulate
from yidang.statistics import tables
from yidang.statistics import what_if as statistics_what_if
from yidang.statistics.counterfactual import AS_IT_WAS, SIDE_BY_SIDE, SPAN, TOGETHER, Scenario, durations
from yidang.statistics.speed import CAP_DAYS

pytestmark = [pytest.mark.integration, pytest.mark.end_to_end]


@pytest.fixture(scope="module")
def truth(settings):
    """The truth's files as lists of rows, after the district was generated, pulled and built."""
    build_district(settings, with_tests=True)
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


def test_the_days_of_every_case_add_up_to_its_row(settings, truth):
    """As `yidang clock explain` shows them, which reads marts alone; many are paused."""
    with psycopg.connect(settings.dsn("reader"), row_factory=dict_row) as reader:
        ids = [row["case_id"] for row in reader.execute("select case_id from marts.fct_item_instance").fetchall()]
        found = [explain.read(reader, case_id) for case_id in ids]
    assert len(found) > 250
    clocked = [item for item in found if item.days]
    assert all((item.case["elapsed_working_days"] is not None) == bool(item.days) for item in found)
    assert sum(bool(item.pauses) for item in clocked) > 20
    assert sum(item.case["is_open"] for item in clocked) > 2
    assert any(
        item.sums()["excluded_working_days"] != item.sums()["statutory_excluded_working_days"] for item in clocked
    )


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
    planted = (set(truth["planted"]["order_breaks"]) - set(truth["planted"]["order_breaks_excused"])) & known
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


# -- what yidang.statistics makes of it ------------------------------------------------------------------------------
def test_every_case_is_counted_or_excluded_in_each_slicing(truth, marts):
    (total,) = marts.execute("select count(*) as n from marts.fct_item_instance").fetchall()
    counted = marts.execute(
        "select slice_kind, sum(case_count + excluded_count) as n from marts.agg_speed where cohort_kind = 'all'"
        " group by slice_kind"
    ).fetchall()
    assert {row["slice_kind"]: row["n"] for row in counted} == dict.fromkeys(
        ("all", "department", "stage", "flow_type", "item"), total["n"]
    )
    wrong = marts.execute(
        "select * from marts.agg_speed where case_count != decided_count + withdrawn_count + open_count"
        " or is_suppressed != (case_count < 10) or (is_suppressed and coalesce(p50_days, mean_days) is not null)"
    ).fetchall()
    assert wrong == []
    months = marts.execute(
        "select sum(case_count) filter (where cohort_kind = 'month') as months,"
        " sum(case_count) filter (where cohort_kind = 'year') as years from marts.agg_speed where slice_kind = 'all'"
    ).fetchone()
    clocked = marts.execute(
        "select count(*) as n from marts.fct_item_instance where elapsed_working_days is not null"
    ).fetchone()
    assert months == {"months": clocked["n"], "years": clocked["n"]}


def test_the_curve_in_the_mart_is_the_one_another_program_makes_of_the_cases(truth, marts):
    cases = marts.execute(
        "select elapsed_working_days as day, case when is_decided then 1 when is_withdrawn then 2 else 0 end as status"
        " from marts.fct_item_instance where elapsed_working_days is not null"
    ).fetchall()
    other = CumIncidenceRight(
        np.array([case["day"] + 1.0 for case in cases]), np.array([case["status"] for case in cases])
    )
    curve = marts.execute(
        "select day, decided_share, withdrawn_share from marts.agg_cumulative_incidence"
        " where cohort_kind = 'all' and slice_kind = 'all' order by day"
    ).fetchall()
    at = np.searchsorted(other.times, [row["day"] + 1.0 for row in curve], side="right") - 1
    assert (at >= 0).all()
    assert [row["decided_share"] for row in curve] == pytest.approx(other.cinc[0][at], abs=1e-6)
    assert [row["withdrawn_share"] for row in curve] == pytest.approx(other.cinc[1][at], abs=1e-6)
    speed = marts.execute("select * from marts.agg_speed where cohort_kind = 'all' and slice_kind = 'all'").fetchone()
    for name, share in (("p50_days", 0.5), ("p80_days", 0.8), ("p90_days", 0.9)):
        assert speed[name] == other.times[np.argmax(other.cinc[0] >= share - 1e-9)] - 1
    assert speed["naive_mean_days"] == pytest.approx(np.mean([case["day"] for case in cases if case["status"] == 1]))
    assert speed["open_count"] > 0, "the district's open cases must be in it"


def test_a_change_is_its_mix_and_its_rate(truth, marts):
    rows = marts.execute("select * from marts.agg_change where not is_suppressed").fetchall()
    assert {row["slice_kind"] for row in rows} == {"all", "department", "stage", "flow_type", "item"}
    for row in rows:
        assert row["mix_days"] + row["rate_days"] == pytest.approx(row["change_days"], abs=1e-5)
        assert row["now_mean_days"] - row["base_mean_days"] == pytest.approx(row["change_days"], abs=1e-5)
        if row["change_lower"] is not None:
            assert row["change_lower"] - 1e-5 <= row["change_days"] <= row["change_upper"] + 1e-5
        # 2025 is not over on the last day: the base ends with the same month
        assert (row["base_to"], row["now_to"]) == (date(2024, 9, 1), date(2025, 9, 1))


def test_the_interval_holds_the_planted_effect_and_the_naive_figure_is_beside_it(truth, marts):
    world = (PROJECTS, START, END)
    true = effect.reform_effect(
        ((simulate(seed, *world), effect.without_reform(seed, *world)) for seed in range(1, 21)), CAP_DAYS
    )
    rows = {row["item_code"]: row for row in marts.execute("select * from marts.agg_reform_effect").fetchall()}
    assert set(rows) == {*true} == {"ZG03", "ZG04", "ZJ01", "ZJ03", "all"}
    found = rows["all"]
    assert found["effect_lower"] <= true["all"] <= found["effect_upper"]
    assert (found["base_from"], found["base_to"]) == (date(2024, 3, 1), date(2024, 9, 1))
    assert found["naive_change_days"] is not None and "在办" in found["naive_leaves_out"]
    for row in rows.values():
        assert row["is_suppressed"] == (min(row["base_case_count"], row["now_case_count"]) < 10)
        assert (row["effect_days"] is None) == row["is_suppressed"]


def test_what_if_puts_every_finished_works_together_as_it_was(truth, marts, settings):
    """Measured by SQL as sets of days in one place, put together from the cases by numpy in the other."""
    rows = marts.execute("select * from marts.agg_what_if where scenario = 'baseline'").fetchall()
    total = marts.execute("select count(*) as n from marts.fct_works_lifecycle").fetchone()
    assert {row["works_count"] + row["excluded_count"] for row in rows if row["slice"] == "all"} == {total["n"]}
    for row in rows:
        assert row["differing_works_count"] == 0
        assert row["excluded_count"] == sum(row["excluded_by_reason"].values())
        assert row["is_suppressed"] == (min(row["works_count"], row["project_count"]) < 10)
    lives = marts.execute("select * from marts.fct_works_lifecycle where is_finished").fetchall()
    measured = {row["works_code"]: (row["approval_working_days"], row["span_working_days"]) for row in lives}
    observed = observed_works(settings)
    assert 5 < len(observed.works) <= len(lives)
    scenarios = [Scenario(np.zeros_like(observed.over_promise), order) for order in (AS_IT_WAS, SIDE_BY_SIDE, TOGETHER)]
    found, *reordered = durations(observed.steps, scenarios)
    assert [tuple(days) for days in found] == [measured[code] for code in observed.works["works_code"]]
    for days in reordered:
        assert (days <= found).all() and (days < found).any()


def test_what_if_moves_whatever_waited_for_what_is_cut(truth, marts, settings):
    """Each 工程 laid out anew with loops."""
    observed = observed_works(settings)
    found = durations(observed.steps, [Scenario(observed.over_promise)])[0, :, SPAN]
    steps = marts.execute(
        "select steps.*, coalesce(steps.stage_number, 0) between 1 and 4 as is_counted, cases.promised_limit"
        " from intermediate.int_what_if_steps as steps inner join marts.fct_item_instance as cases using (case_id)"
        ' order by steps.works_code collate "C", step_number'
    ).fetchall()
    spans = {}
    for works, of_works in groupby(steps, lambda step: step["works_code"]):
        ends, last, own = [], 0, list(of_works)
        zero = min(step["start_number"] for step in own if step["is_counted"])
        for step in own:
            over = max(step["net_working_days"] - step["promised_limit"], 0)
            assert step["over_promise_days"] == over
            numbers = step["required_numbers"] or range(1, (step["predecessor_number"] or 0) + 1)
            was = max((own[number - 1]["end_number"] for number in numbers), default=zero)
            now = max((ends[number - 1] for number in numbers), default=zero)
            ends.append(now + step["end_number"] - was - (over if step["is_counted"] else 0))
            last = max(last, ends[-1] if step["is_counted"] else 0)
        spans[works] = last - zero
    assert sum(step["over_promise_days"] > 0 for step in steps) > 3
    assert dict(zip(observed.works["works_code"], found, strict=True)) == spans


def observed_works(settings) -> statistics_what_if.Observed:
    with psycopg.connect(settings.dsn("transformer"), options="-c search_path=intermediate,seeds") as connection:
        return statistics_what_if.read(connection)


def test_the_statistics_are_described_and_may_be_read(truth, marts, settings):
    for name, definition in tables.definitions(settings.dbt_dir).items():
        columns = marts.execute(
            "select attname as name, format_type(atttypid, atttypmod) as type,"
            " col_description(attrelid, attnum) as said from pg_attribute"
            " where attrelid = %s::regclass and attnum > 0 order by attnum",
            (f"marts.{name}",),
        ).fetchall()
        described = [(column["name"], column["data_type"]) for column in definition["columns"]]
        assert [(column["name"], column["type"]) for column in columns] == described
        assert all(column["said"] for column in columns)
        with query.reader(settings) as reader:
            assert reader.execute(f"select count(*) from marts.{name} where as_of = %s", (END,)).fetchone()[0] > 0  # noqa: S608


def _planted(truth, *kinds: str) -> set[str]:
    return {code for kind in kinds for code in truth["planted"][kind]}


DOUBTS = {
    "bypass": "select named_case_id from marts.fct_permit where bypass_state = 'unmatched'",
    "backfilled": "select case_id from marts.fct_case_doubt where is_backfilled",
    "withheld": "select case_id from marts.fct_case_doubt where is_finish_withheld",
    "unlinked": "select business_key from marts.issue_log where rule = 'project_code_unreadable'",
    "order_breaks": (
        "select coalesce(orders.case_id, permits.named_case_id) from marts.fct_item_prerequisite as orders"
        " left join marts.fct_permit as permits using (permit_id) where orders.state = 'decided_before'"
    ),
    "order_breaks_excused": (
        "select case_id from marts.fct_item_prerequisite where state = 'decided_before' and exemption = '容缺'"
    ),
}


@pytest.mark.parametrize("kind", DOUBTS)
def test_planted_faults_are_found_and_nothing_else(truth, marts, kind):
    """Precision and recall of 1: the made-up district leaves no fault without a trace (other seeds: docs say)."""
    found = {str(*row.values()).split(":")[1] for row in marts.execute(DOUBTS[kind])}
    assert found == _planted(truth, kind)


def test_bypass_lies_between_its_bounds(truth, marts):
    (rate,) = marts.execute(
        "select count(*) as n, sum(is_bypass_certain::integer) as certain, sum(is_bypass_possible::integer) as possible"
        " from marts.fct_permit where is_in_scope"
    ).fetchall()
    with_document = {row["case_id"] for row in truth["cases"] if row["document_number"]}
    # 人防 sends no document numbers, so its backfilled cases are no permits that R5 could count
    true = len({code for code in _planted(truth, "bypass", "backfilled") & with_document if not code.startswith("RF")})
    assert rate["certain"] <= true <= rate["possible"]
    assert rate["certain"] == true
    assert rate["n"] > 300


def test_applications_that_follow_a_refusal_or_withdrawal_are_linked(truth, marts):
    """Within the project: a case without a project has no siblings that anybody could know."""
    cases = {row["case_id"]: row for row in truth["cases"]}
    rows = {row["case_id"].split(":")[1]: row for row in marts.execute("select * from marts.fct_case_doubt")}
    known = {code for code, row in rows.items() if row["project_code"]}
    expected = {(code, case["reapply_of"]) for code, case in cases.items() if {code, case["reapply_of"]} <= known}
    found = {(code, row["reapply_of_case_id"].split(":")[1]) for code, row in rows.items() if row["reapply_of_case_id"]}
    assert found == expected
    resets = {code for code, row in rows.items() if row["is_reset_suspected"]}
    withdrawn = {code for code, earlier in expected if cases[earlier]["outcome"] == "withdrawn"}
    days = {
        code: (
            date.fromisoformat(cases[code]["received_at"][:10]) - date.fromisoformat(cases[earlier]["ended_at"][:10])
        ).days
        for code, earlier in expected
    }
    assert resets == {code for code in withdrawn if days[code] <= 30}
    assert resets


def test_indicators_of_the_district_agree_with_direct_queries(truth, marts):
    """agg_indicator adds cells up; a query over the cases must give the same, slice by slice."""
    queries = {
        ("on_time_rate", "department", "department_name", "due_month"): (
            "is_due",
            "avg((is_decided and not is_overdue)::integer)",
        ),
        ("rejection_rate", "stage", "stage_name", "received_month"): (
            "received_date is not null",
            "avg((outcome = 'not_accepted')::integer)",
        ),
        ("median_elapsed_days", "flow_type", "flow_type_name", "decided_month"): (
            "is_decided and elapsed_working_days is not null",
            "percentile_cont(0.5) within group (order by elapsed_working_days)",
        ),
        ("actual_vs_promised", "item", "item_name", "decided_month"): (
            "is_decided and promised_limit >= 1 and elapsed_working_days is not null and limit_unit = 'working_days'",
            "1 - sum(elapsed_working_days)::numeric / sum(promised_limit)",
        ),
    }
    for (metric, dimension, column, month), (condition, figure) in queries.items():
        direct = marts.execute(
            f"""
            select coalesce({column}, '未标明') as slice, {month} as period_start, count(*) as n, {figure} as value
            from marts.fct_item_instance
            where {condition}
            group by 1, 2
            """  # noqa: S608 - our own words
        ).fetchall()
        shown = marts.execute(
            """
            select slice, period_start, n, value
            from marts.agg_indicator
            where metric = %s and dimension = %s and period_grain = 'month' and n > 0
            """,
            (metric, dimension),
        ).fetchall()
        expected = {(row["slice"], row["period_start"]): (row["n"], row["value"]) for row in direct}
        found = {(row["slice"], row["period_start"]): (row["n"], row["value"]) for row in shown}
        assert len(found) > 20
        assert {key: n for key, (n, _) in found.items()} == {key: n for key, (n, _) in expected.items()}
        for key, (n, value) in found.items():
            assert (value is None) == (n < 10), (metric, key)
            assert value is None or float(value) == pytest.approx(float(expected[key][1])), (metric, key)
