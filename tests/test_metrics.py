"""Each metric, compiled, gives what a query written by hand gives; nothing over nothing is null."""

# ruff: noqa: S608 - the queries are put together from our own definitions

from __future__ import annotations

from datetime import date
from pathlib import Path

import psycopg
import pytest
import yaml
from clock_world import PROJECT_CODE, Spgl, catalogue_row, land, open_world
from test_major_projects import FIGURES as MAJOR_PROJECTS
from test_pipeline import FIGURES as PIPELINE

from yidang import build, metrics
from yidang.errors import ConfigError

pytestmark = pytest.mark.integration

CASES = "marts.fct_item_instance"
DECIDED = "where outcome in ('passed', 'denied')"
# The same figures in plain SQL, straight from the definitions of rules B2 and C1.
BY_HAND = {
    "cases_received": f"select count(*) from {CASES} where received_date is not null or accepted_date is not null",
    "cases_accepted": f"select count(accepted_date) from {CASES}",
    "cases_decided": f"select count(decided_date) from {CASES}",
    "cases_open": f"select count(*) from {CASES} where outcome = 'open'",
    "cases_overdue_open": (
        f"select count(*) from {CASES} where outcome = 'open' and elapsed_working_days > promised_limit"
    ),
    "cases_overdue_open_with_permit": f"""
        select count(*) from {CASES} inner join marts.fct_case_doubt as doubts using (case_id)
        where {CASES}.outcome = 'open' and elapsed_working_days > promised_limit and is_finish_withheld""",
    "cases_overdue_open_with_permit_in_time": f"""
        select count(*) from {CASES} inner join marts.fct_case_doubt as doubts using (case_id)
        where {CASES}.outcome = 'open' and elapsed_working_days > promised_limit and is_finish_withheld
            and suspected_finish_date <= due_date""",
    "cases_withdrawn": f"select count(*) from {CASES} where outcome = 'withdrawn'",
    "cases_decided_ahead": f"select count(*) from {CASES} {DECIDED} and elapsed_working_days < promised_limit",
    "cases_decided_normal": f"select count(*) from {CASES} {DECIDED} and elapsed_working_days = promised_limit",
    "cases_decided_late": f"select count(*) from {CASES} {DECIDED} and elapsed_working_days > promised_limit",
    "on_time_rate": f"""
        select avg((outcome in ('passed', 'denied') and elapsed_working_days <= promised_limit)::integer) from {CASES}
        where due_date < as_of + (outcome != 'open')::integer
            and not (outcome = 'withdrawn' and elapsed_working_days <= promised_limit)""",
    "overdue_rate": f"""
        select avg((outcome not in ('passed', 'denied') or elapsed_working_days > promised_limit)::integer) from {CASES}
        where due_date < as_of + (outcome != 'open')::integer
            and not (outcome = 'withdrawn' and elapsed_working_days <= promised_limit)""",
    "statutory_overdue_rate": f"""
        select avg((outcome not in ('passed', 'denied') or statutory_elapsed_working_days > statutory_limit)::integer)
        from {CASES}
        where statutory_due_date < as_of + (outcome != 'open')::integer
            and not (outcome = 'withdrawn' and statutory_elapsed_working_days <= statutory_limit)""",
    "statutory_overdue_rate_without_extension": f"""
        select avg((outcome not in ('passed', 'denied') or statutory_elapsed_working_days > statutory_limit)::integer)
        from {CASES}
        where statutory_due_date_without_extension < as_of + (outcome != 'open')::integer
            and not (outcome = 'withdrawn' and statutory_elapsed_working_days <= statutory_limit)""",
    "early_completion_rate": f"""
        select avg((elapsed_working_days < promised_limit)::integer) from {CASES} {DECIDED} and promised_limit > 0""",
    "rejection_rate": f"select avg((outcome = 'not_accepted')::integer) from {CASES} where received_date is not null",
    "second_correction_rate": (
        f"select avg((correction_count > 1)::integer) from {CASES} where received_date is not null"
    ),
    "deemed_acceptance_rate": f"""
        select avg(coalesce('DEEMED_ACCEPTED' = any(string_to_array(clock_flags, '|')), false)::integer)
        from {CASES} where received_date is not null""",
    "late_acceptance_rate": f"""
        select avg((acceptance_wait_working_days > 5)::integer)
        from {CASES} where acceptance_wait_working_days is not null""",
    "same_day_rate": f"select avg((elapsed_working_days = 0)::integer) from {CASES} {DECIDED}",
    "online_rate": f"""
        select avg((channel_name ~ '^网上|^全程')::integer) from {CASES}
        where channel_name is not null and received_date is not null""",
    "tolerant_rate": f"select avg(is_tolerant::integer) from {CASES} {DECIDED}",
    "commitment_rate": f"""
        select avg(is_commitment::integer) from {CASES}
        {DECIDED} and allows_commitment and is_commitment is not null""",
    "suspension_rate": f"""
        select avg((case_id in (select case_id from marts.fct_item_pause))::integer) from {CASES} {DECIDED}""",
    "median_elapsed_days_of_granted": f"""
        select percentile_cont(0.5) within group (order by elapsed_working_days)
        from {CASES} where outcome = 'passed'""",
    "median_elapsed_days_of_denied": f"""
        select percentile_cont(0.5) within group (order by elapsed_working_days)
        from {CASES} where outcome = 'denied'""",
    "median_elapsed_days_of_promised": f"""
        select percentile_cont(0.5) within group (order by elapsed_working_days)
        from {CASES} {DECIDED} and promised_limit > 0""",
    "p80_elapsed_days": (
        f"select percentile_cont(0.8) within group (order by elapsed_working_days) from {CASES} {DECIDED}"
    ),
    "case_span_days_median": (
        f"select percentile_cont(0.5) within group (order by decided_date - received_date) from {CASES} {DECIDED}"
    ),
    "acceptance_wait_days_median": (
        f"select percentile_cont(0.5) within group (order by acceptance_wait_working_days) from {CASES}"
    ),
    "acceptance_wait_days_p90": (
        f"select percentile_cont(0.9) within group (order by acceptance_wait_working_days) from {CASES}"
    ),
    "median_elapsed_days": (
        f"select percentile_cont(0.5) within group (order by elapsed_working_days) from {CASES} {DECIDED}"
    ),
    "p90_elapsed_days": (
        f"select percentile_cont(0.9) within group (order by elapsed_working_days) from {CASES} {DECIDED}"
    ),
    "mean_elapsed_days": f"select avg(elapsed_working_days) from {CASES} {DECIDED}",
    "promise_compression_catalogue": """
        select sum(statutory_limit - promised_limit)::numeric / sum(statutory_limit)
        from marts.dim_item where is_current""",
    "promise_compression_catalogue_median": """
        select percentile_cont(0.5) within group (order by 1 - promised_limit::numeric / statutory_limit)
        from marts.dim_item where is_current""",
    "on_the_spot_item_share": "select avg((promised_limit = 0)::integer) from marts.dim_item where is_current",
    "online_item_share": "select avg((online_depth = '全程网办')::integer) from marts.dim_item where is_current",
    "online_applicable_item_share": """
        select avg((online_depth in ('全程网办', '原件预审', '原件核验'))::integer)
        from marts.dim_item where is_current""",
    "cross_province_item_count": "select count(*) from marts.dim_item where is_current and is_cross_province",
    "visits_per_case_mean": "select avg(window_visit_count) from marts.fct_case_visit where decided_date is not null",
    "visits_per_window_case_mean": """
        select avg(window_visit_count) from marts.fct_case_visit
        where decided_date is not null and not is_online and window_visit_count > 0""",
    "visits_above_catalogue_rate": """
        select avg((window_visit_count > catalogue_visit_count)::integer) from marts.fct_case_visit
        where decided_date is not null and not is_online and window_visit_count > 0""",
    "service_point_count": "select count(*) from marts.fct_service_point where closed_date is null",
    "service_point_standard_share": """
        select avg(is_standard::integer) from marts.fct_service_point where closed_date is null""",
    "catalogue_item_count": "select count(*) from marts.dim_item",
    "catalogue_step_count": "select sum(step_count) from marts.dim_item",
    "catalogue_material_count": "select sum(material_count) from marts.dim_item",
    "catalogue_listed_material_count": "select sum(document_count) from marts.dim_item",
    "catalogue_visit_count": "select sum(visit_count) from marts.dim_item",
    "catalogue_fee_yuan": "select sum(fee_yuan) from marts.dim_item",
    "catalogue_statutory_limit_days": "select sum(statutory_limit) from marts.dim_item",
    "catalogue_promised_limit_days": "select sum(promised_limit) from marts.dim_item",
    "promise_compression_cases": (
        f"select 1 - sum(promised_limit)::numeric / sum(statutory_limit) from {CASES} {DECIDED}"
    ),
    "actual_vs_statutory": f"""
        select 1 - sum(statutory_elapsed_working_days)::numeric / sum(statutory_limit) from {CASES} {DECIDED}""",
    "actual_vs_promised": f"""
        select 1 - sum(elapsed_working_days)::numeric / sum(promised_limit)
        from {CASES} {DECIDED} and promised_limit >= 1""",
    "excluded_days_share": f"""
        select sum(gross_working_days - elapsed_working_days)::numeric / sum(gross_working_days)
        from {CASES} {DECIDED}""",
    "correction_rate": f"select avg((correction_count > 0)::integer) from {CASES} where received_date is not null",
    "stage_union_days_median": """
        select percentile_cont(0.5) within group (order by union_active_days)
        from marts.fct_stage where is_finished""",
    "stage_overlap_share": """
        select 1 - sum(union_active_days)::numeric / sum(sum_item_days)
        from marts.fct_stage where is_finished and sum_item_days > 0""",
    "parallel_rate": "select avg(is_parallel::integer) from marts.fct_stage_application where item_count > 1",
    "instant_start_rate": "select avg(is_instant_start::integer) from marts.fct_instant_start",
    "median_start_days": (
        "select percentile_cont(0.5) within group (order by start_working_days) from marts.fct_instant_start"
    ),
    "instant_delivery_rate": "select avg(is_instant_delivery::integer) from marts.fct_instant_start",
    "four_on_one_date_rate": (
        "select avg(is_four_on_one_date::integer) from marts.fct_instant_start where has_four_certificates"
    ),
    "investment_deviation_rate": """
        select avg(is_deviation::integer) from marts.fct_investment_rule_check
        where finding_name in ('相符', '多要', '缺少')""",
    "mode_grant_count": (
        "select count(distinct (case_id, mode_name)) from marts.fct_case_mode where outcome = 'passed'"
    ),
    "mode_at_once_rate": """
        select avg((decided_date = accepted_date)::integer) from (
            select distinct case_id, mode_name, decided_date, accepted_date
            from marts.fct_case_mode where outcome = 'passed'
        ) as used""",
    "mode_duty_in_time_rate": """
        select avg((duty_state_name = '按期')::integer) from marts.fct_case_mode
        where is_known_case and duty_state_name in ('按期', '逾期办理', '逾期未办')""",
    "joint_acceptance_rate": (
        "select avg(is_joint::integer) from marts.fct_joint_acceptance where acceptance_item_count > 1"
    ),
    "joint_acceptance_first_pass_rate": (
        "select avg(is_passed_at_once::integer) from marts.fct_joint_acceptance where is_joint"
    ),
    "order_break_rate": """
        select avg(has_order_break::integer) from marts.fct_case_conduct
        where has_counted_prerequisite and outcome = 'passed'""",
    "first_time_rate": """
        select avg((outcome = 'passed' and correction_count = 0 and not is_reapplication and not is_reapplied)::integer)
        from marts.fct_case_conduct where outcome in ('passed', 'denied')""",
    "backfill_rate": (
        "select avg(is_backfilled::integer) from marts.fct_case_conduct where outcome in ('passed', 'denied')"
    ),
    "reset_rate": (
        "select avg(is_reset_suspected::integer) from marts.fct_case_conduct where received_date is not null"
    ),
    "bypass_rate_lower": "select avg(is_bypass_certain::integer) from marts.fct_permit where is_in_scope",
    "bypass_rate_upper": "select avg(is_bypass_possible::integer) from marts.fct_permit where is_in_scope",
    "rating_rate": "select avg(is_rated::integer) from marts.fct_case_rating where case_id is not null",
    "satisfaction_rate": "select avg((grade in (3, 4, 5))::integer) from marts.fct_case_rating where is_rated",
    "question_reply_rate": "select avg(is_replied::integer) from marts.fct_question where asked_date is not null",
    "question_same_day_rate": """
        select avg(coalesce((replied_date = asked_date)::integer, 0)) from marts.fct_question
        where asked_date is not null""",
    "callback_count": "select count(*) from marts.fct_callback",
    "callback_answer_rate": "select avg(is_answered::integer) from marts.fct_callback",
    "callback_satisfaction_rate": (
        "select avg((grade > 2)::integer) from marts.fct_callback where is_answered and grade between 1 and 5"
    ),
    "agency_order_count": "select count(*) from marts.fct_agency_order",
    "agency_days_median": """
        select percentile_cont(0.5) within group (order by working_days)
        from marts.fct_agency_order where delivered_date is not null""",
    "agency_price_median": """
        select percentile_cont(0.5) within group (order by price_yuan) from marts.fct_agency_order""",
    "complaints_received": "select count(*) from marts.fct_complaint",
    "complaint_upheld_rate": "select avg(is_upheld::integer) from marts.fct_complaint where closed_date is not null",
    "stage_span_days_median": """
        select percentile_cont(0.5) within group (order by last_decided_date - first_received_date)
        from marts.fct_stage where is_finished""",
    "project_count": "select count(*) from marts.fct_project_lifecycle",
    "projects_finished": "select count(*) from marts.fct_project_lifecycle where completion_date is not null",
    "project_approval_days_median": """
        select percentile_cont(0.5) within group (order by approval_working_days)
        from marts.fct_project_lifecycle where completion_date is not null""",
    "project_approval_days_united_median": """
        select percentile_cont(0.5) within group (order by approval_working_days_union)
        from marts.fct_project_lifecycle where completion_date is not null""",
    "project_span_days_median": """
        select percentile_cont(0.5) within group (order by completion_date - first_received_date)
        from marts.fct_project_lifecycle where completion_date is not null""",
}
# What the departments of this small world do not say: their standard has no 告知承诺, these rows no time of entry, no
# prerequisite and no permit.
NOT_SAID_HERE = {
    *("commitment_rate", "backfill_rate", "order_break_rate", "bypass_rate_lower", "bypass_rate_upper"),
    # tests/test_reform.py has the documents that these need
    *("instant_start_rate", "median_start_days", "instant_delivery_rate", "four_on_one_date_rate"),
    *("investment_deviation_rate", "mode_duty_in_time_rate", "catalogue_listed_material_count"),
}
# What no source can say: there is no query by hand, and no value.
WITHOUT_SOURCE = {
    "commitment_breach_rate",
    "tolerant_overdue_rate",
    "regional_assessment_rate",
    "bad_rating_resolution_rate",
}
# What the ledgers beside the approval cases say is counted by hand in the worlds of their own tests.
COUNTED_ELSEWHERE = {*MAJOR_PROJECTS, *PIPELINE}


@pytest.fixture(scope="module")
def built(settings, tmp_path_factory):
    """Every kind of case: on time, late, denied, paused, corrected, open, withdrawn early and late."""
    with (
        pytest.MonkeyPatch.context() as patch,
        psycopg.connect(settings.admin_dsn("yidang"), autocommit=True) as warehouse,
    ):
        open_world(settings, tmp_path_factory.mktemp("departments"), patch)
        items = [
            catalogue_row("IT01", stage=1, statutory=20, promised=5),
            catalogue_row("IT03", stage=3, statutory=15, promised=0),
            catalogue_row("ACC1", stage=4, statutory=15, promised=3),
            catalogue_row("ACC2", stage=4, statutory=15, promised=3),
            catalogue_row("DONE", stage=4, statutory=10, promised=2, item_name="竣工验收备案"),
        ]
        land(warehouse, "zhengwu", "service_item", items)
        _land_cases(warehouse)
        ratings = [("C0", 5, "f"), ("C1", 2, "f"), ("C2", 5, "t")]
        land(
            warehouse,
            "zhengwu",
            "rating",
            [
                {
                    "id": case,
                    "case_no": case,
                    "dept_name": "甲局",
                    "rated_at": "2025-03-25",
                    "grade": grade,
                    "is_default": by,
                }
                for case, grade, by in ratings
            ],
        )
        _land_voices(warehouse)
        _land_orders(warehouse)
        _land_reach(warehouse)
        build.build(settings, as_of=date(2025, 3, 31), with_tests=False)
        with psycopg.connect(settings.dsn("reader"), autocommit=True) as reader:
            yield reader


def _land_cases(warehouse: psycopg.Connection) -> None:
    works = f"{PROJECT_CODE}-001"
    alpha = Spgl("alpha")
    alpha.works(works, PROJECT_CODE)
    alpha.works("2017-330199-47-03-000001-001", "2017-330199-47-03-000001")
    for number, (item, promised, last) in enumerate(
        [
            ("IT01", 5, ("decided_pass", "2025-03-07")),
            ("IT01", 5, ("decided_pass", "2025-03-10")),
            ("IT01", 5, ("decided_deny", "2025-03-13")),
            ("IT01", 2, ("decided_pass", "2025-03-31")),
            ("IT01", 60, ("decided_pass", "2025-03-20")),
            ("IT01", 5, ("withdrawn", "2025-03-05")),
            ("IT01", 5, ("withdrawn", "2025-03-20")),
            ("IT01", 5, None),
            ("IT01", 25, None),
            ("IT03", 0, ("decided_pass", "2025-03-03")),
            ("DONE", 2, ("decided_pass", "2025-03-24")),
        ]
    ):
        happened = [("received", "2025-03-03"), ("accepted", "2025-03-03"), *([last] if last else [])]
        if number in (2, 4):
            happened[2:2] = [("special_start", "2025-03-05"), ("special_end", "2025-03-10")]
        if number in (1, 4):
            happened[2:2] = [("correction_requested", "2025-03-04"), ("correction_received", "2025-03-05")]
        events = [{"kind": kind, "at": f"{day} {9 + place:02d}:00:00"} for place, (kind, day) in enumerate(happened)]
        alpha.case(f"C{number}", works, item, promised, events, slfs="1" if number == 9 else "4")
    for item, last in (("ACC1", "decided_pass"), ("ACC2", "decided_pass_tolerant")):
        happened = [("received", "2025-03-03"), ("accepted", "2025-03-03"), (last, "2025-03-05")]
        events = [{"kind": kind, "at": f"{day} {9 + place:02d}:00:00"} for place, (kind, day) in enumerate(happened)]
        alpha.case(f"J-{item}", "2017-330199-47-03-000001-001", item, 3, events, blspslbm="JOINT")
    alpha.land(warehouse)


def _land_voices(warehouse: psycopg.Connection) -> None:
    replies = ["2025-03-05 15:00:00", "2025-03-06 09:00:00", None]
    land(
        warehouse,
        "zhengwu",
        "question",
        [{"id": number, "asked_at": "2025-03-05 09:00:00", "reply_dept": "甲局", "replied_at": replied}
         for number, replied in enumerate(replies)],
    )  # fmt: skip
    calls = [("t", 5), ("t", 1), ("t", None), ("f", None), (None, None)]
    land(
        warehouse,
        "zhengwu",
        "callback",
        [{"callback_no": f"B{number}", "dept_name": "甲局", "called_at": "2025-03-20", "answered": answered,
          "grade": grade} for number, (answered, grade) in enumerate(calls)],
    )  # fmt: skip
    findings = [("2025-03-10", "t"), ("2025-03-11", "f"), (None, None)]
    land(
        warehouse,
        "zhengwu",
        "complaint",
        [{"complaint_no": f"T{number}", "about_dept": "甲局", "received_at": "2025-03-06", "closed_at": closed,
          "is_upheld": upheld} for number, (closed, upheld) in enumerate(findings)],
    )  # fmt: skip


def _land_orders(warehouse: psycopg.Connection) -> None:
    orders = [("2025-03-07", 3_000), ("2025-03-20", 5_000), (None, None)]
    land(
        warehouse,
        "zhengwu",
        "agent_order",
        [{"id": number, "category": "测绘", "ordered_at": "2025-03-05", "delivered_at": delivered, "price_yuan": price}
         for number, (delivered, price) in enumerate(orders)],
    )  # fmt: skip


def _land_reach(warehouse: psycopg.Connection) -> None:
    depths = [("IT01", "全程网办", "t"), ("IT03", "线下办理", "f")]
    land(
        warehouse,
        "zhengwu",
        "item_channel",
        [{"item_code": item, "depth": depth, "cross_province": crosses, "since": "2025-01-01"}
         for item, depth, crosses in depths],
    )  # fmt: skip
    # C9 came in at the window
    visits = [{"id": number, "case_no": case, "dept_name": "甲局", "visited_at": "2025-03-03"}
              for number, case in enumerate(("C9", "C9", "C0", "NOBODY"))]  # fmt: skip
    land(warehouse, "zhengwu", "visit", visits)
    points = [("自助服务终端", None), ("村级便民服务中心", "t"), ("村级便民服务中心", "f")]
    land(
        warehouse,
        "zhengwu",
        "service_point",
        [{"point_no": number, "kind": kind, "is_standard": standard, "opened_on": "2025-01-01"}
         for number, (kind, standard) in enumerate(points)],
    )  # fmt: skip


def value(reader: psycopg.Connection, query: str) -> float | None:
    (found,) = reader.execute(query).fetchone()
    return None if found is None else float(found)


@pytest.mark.parametrize("name", BY_HAND)
def test_compiled_metric_equals_the_query_by_hand(settings, built, name):
    metric = metrics.load(settings)[name]
    compiled = value(built, f"select {metric.sql} from marts.{metric.model}")
    assert (compiled is None) == (name in NOT_SAID_HERE)
    assert compiled == pytest.approx(value(built, BY_HAND[name]))


def test_the_figures_of_this_world_counted_on_fingers(settings, built):
    """Due by 31 March: C0 to C3, C6 (withdrawn late), C7, C9, C10, both J. On time: C0, C1, C2 (paused), C9, both J."""
    found = {name: value(built, f"select {m.sql} from marts.{m.model}") for name, m in metrics.load(settings).items()}
    assert found["cases_received"] == 13
    assert found["cases_decided"] == 9
    assert found["cases_overdue_open"] == 1
    assert found["on_time_rate"] == pytest.approx(6 / 10)
    assert found["correction_rate"] == pytest.approx(2 / 13)
    assert found["rating_rate"] == pytest.approx(2 / 9)
    assert found["joint_acceptance_rate"] == found["joint_acceptance_first_pass_rate"] == 1
    assert found["project_count"] == 2
    assert found["projects_finished"] == 1


def test_every_metric_is_tested_and_complete(settings):
    loaded = metrics.load(settings)
    assert set(loaded) == set(BY_HAND) | WITHOUT_SOURCE | COUNTED_ELSEWHERE
    assert {name for name, metric in loaded.items() if metric.no_data} == WITHOUT_SOURCE
    assert all((metric.unit == "%") == metric.format.endswith("%") for metric in loaded.values())


def test_every_rate_says_its_parts_and_what_is_left_out(settings):
    for metric in metrics.load(settings).values():
        assert (metric.denominator_sql is None) == (metric.denominator_label is None), metric.name
        assert metric.denominator_sql is None or (metric.numerator_label and metric.unit == "%"), metric.name
        assert metric.period.label, metric.name
        # a rate of what was received has nothing to leave out but what was never received
        assert metric.exclusions or metric.is_count, metric.name


def test_nothing_over_nothing_is_null_and_a_count_of_nothing_is_zero(settings, built):
    for metric in metrics.load(settings).values():
        found = value(built, f"select {metric.sql} from marts.{metric.model} where false")
        assert found == (0 if metric.sql.startswith("count(") else None), metric.name


@pytest.mark.parametrize("mart", ["agg_case_month", "agg_case_days", "agg_stage_days", "fct_open_case"])
def test_a_figure_is_the_same_read_off_a_small_mart(settings, built, mart):
    """Of the district, and of each flow type: what the dashboards filter by."""
    loaded = metrics.load(settings)
    small = metrics.of_mart(loaded, mart)
    assert small
    for name, metric in small.items():
        whole = loaded[name]
        for sql, of_whole in ((metric.sql, whole.sql), (metric.n_sql, whole.n_sql)):
            found = value(built, f"select ({sql})::numeric from marts.{mart}")
            assert found == value(built, f"select ({of_whole})::numeric from marts.{whole.model}"), name
            query = "select coalesce(flow_type_name, '未标明'), ({})::numeric from marts.{} group by 1"
            split = {row[0]: row[1] for row in built.execute(query.format(sql, mart)).fetchall()}
            expected = {row[0]: row[1] for row in built.execute(query.format(of_whole, whole.model)).fetchall()}
            # a mart of sums has no row where nothing was counted
            assert split == {key: expected[key] for key in split}, name
            assert not any(expected[key] for key in expected.keys() - split.keys()), name


def test_every_figure_says_on_how_many_rows_it_rests(settings, built):
    found = {name: value(built, f"select {m.n_sql} from marts.{m.model}") for name, m in metrics.load(settings).items()}
    assert found["on_time_rate"] == found["overdue_rate"] == 10
    assert found["median_elapsed_days"] == found["mean_elapsed_days"] == found["cases_decided"] == 9
    assert found["stage_union_days_median"] == value(built, "select count(*) from marts.fct_stage where is_finished")
    assert found["promise_compression_catalogue"] == found["catalogue_item_count"] == 5


def test_period_columns_exist_in_their_marts(settings, built):
    for metric in metrics.load(settings).values():
        built.execute(f"select {metric.date_column} from marts.{metric.model} limit 0")


def test_a_rate_is_its_two_parts(settings, built):
    for metric in metrics.load(settings).values():
        if metric.denominator_sql:
            query = f"select {metric.sql}, {metric.numerator_sql}, {metric.denominator_sql} from marts.{metric.model}"
            rate, top, bottom = built.execute(query).fetchone()
            if bottom:
                assert float(rate) == pytest.approx(float(top) / float(bottom)), metric.name
            else:
                assert rate is None, metric.name


@pytest.mark.parametrize(
    ("where", "change", "message"),
    [
        ("metrics", {"type_params": {"measure": "no_such"}}, "cases_received uses the unknown measure no_such"),
        ("metrics", {"type": "cumulative"}, "cases_received has the type cumulative"),
        ("metrics", {"type": "derived"}, "cases_received has the type derived"),
        ("metrics", {"label": ""}, "cases_received lacks label"),
        ("measures", {"agg": "mode"}, "received_cases has the unknown aggregation mode"),
        # what cannot be added up over months and slices
        ("measures", {"agg": "count_distinct"}, "received_cases has the unknown aggregation count_distinct"),
        (
            "measures",
            {"agg": "percentile", "agg_params": {"percentile": 0.5, "use_discrete_percentile": True}},
            "received_cases asks for a discrete percentile",
        ),
        (
            "metrics",
            {"type": "ratio", "type_params": {"numerator": "elapsed_days_median", "denominator": "received_cases"}},
            "cases_received divides a mean, median or percentile",
        ),
        ("measures", {"agg_time_dimension": "never"}, "received_cases names the unknown time dimension never"),
    ],
)
def test_a_broken_definition_is_named(settings, tmp_path: Path, monkeypatch, where, change, message):
    path = metrics.folder(settings) / "cases.yml"
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    target = document["metrics"][0] if where == "metrics" else document["semantic_models"][0]["measures"][0]
    target.update(change)
    broken = tmp_path / "dbt_project" / "models" / "marts" / "_metrics" / "cases.yml"
    broken.parent.mkdir(parents=True)
    broken.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    monkeypatch.setattr(type(settings), "dbt_dir", tmp_path / "dbt_project")
    with pytest.raises(ConfigError, match=message):
        metrics.load(settings)
