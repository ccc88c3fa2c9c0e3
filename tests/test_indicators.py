"""The indicators of rules B2 and B3, worked out by hand for a small world that was landed through the real path."""

# ruff: noqa: S608 - the queries are put together from our own definitions

from __future__ import annotations

import re
from datetime import date

import numpy as np
import psycopg
import pytest
from clock_world import PROJECT_CODE, Spgl, catalogue_row, land, open_world
from psycopg.rows import dict_row

from yidang import build, metric_page, metrics
from yidang.dbt_variables import declared
from yidang.settings import ROOT
from yidang.wilson import wilson, wilson_interval

pytestmark = pytest.mark.integration

FINISHED, UNFINISHED = "2017-330199-47-03-000001", "2017-330199-47-03-000002"
JOINT, SERIAL, ALONE, APART = f"{FINISHED}-001", *(f"{UNFINISHED}-{number:03d}" for number in (1, 2, 3))
# name: item, promise, events, and what differs from a case of its own 工程 that came in online
ACCEPTED = [("received", "03"), ("accepted", "03")]
CASES = {
    "early": ("A", 5, [*ACCEPTED, ("decided_pass", "07")], {}),
    "denied_on_the_last_day": ("A", 5, [*ACCEPTED, ("decided_deny", "10")], {"slfs": "9"}),
    "late": ("A", 5, [*ACCEPTED, ("decided_pass", "12")], {"slfs": "1"}),
    "withdrawn_in_time": ("A", 5, [*ACCEPTED, ("withdrawn", "05")], {"works": "applied_again"}),
    "withdrawn_too_late": ("A", 5, [*ACCEPTED, ("withdrawn", "14")], {}),
    "open_and_late": ("A", 5, ACCEPTED, {}),
    "open_and_not_due": ("A", 5, [("received", "27"), ("accepted", "27")], {}),
    "paused": ("A", 5, [*ACCEPTED, ("special_start", "05")], {}),
    "paused_on_the_last_day": ("A", 5, [*ACCEPTED, ("special_start", "10")], {}),
    "not_accepted": ("A", 5, [("received", "03"), ("not_accepted", "04")], {}),
    "refused": ("A", 5, [("received", "03"), ("refused_acceptance", "05")], {}),
    "on_the_spot": ("Z", 0, [*ACCEPTED, ("decided_pass", "03")], {}),
    "decided_before_accepted": ("A", 5, [("received", "03"), ("decided_pass", "04"), ("accepted", "06")], {}),
    "without_a_promise": ("N", None, [*ACCEPTED, ("decided_pass", "06")], {}),
    "corrected_twice": (
        "A",
        5,
        [
            ("received", "03"),
            ("correction_requested", "04"),
            ("correction_received", "05"),
            ("correction_requested", "06"),
            ("correction_received", "07"),
            ("accepted", "10"),
            ("decided_pass", "12"),
        ],
        {},
    ),
    "papers_missing": ("A", 5, [*ACCEPTED, ("decided_pass_tolerant", "05")], {}),
    "paused_and_decided": (
        "A",
        5,
        [*ACCEPTED, ("special_start", "04"), ("special_end", "06"), ("decided_pass", "11")],
        {},
    ),
    "applied_again": ("A", 5, [("received", "06"), ("accepted", "06"), ("decided_pass", "12")], {}),
}
# 工程 with several items: (works, item, slip, accepted, decided, outcome)
SEVERAL_ITEMS = [
    (JOINT, "J1", "G", "03", "05", "decided_pass"),
    (JOINT, "J2", "G", "03", "06", "decided_pass"),
    (JOINT, "F", None, "10", "11", "decided_pass"),
    (SERIAL, "J1", "H", "03", "07", "decided_pass"),
    (SERIAL, "J2", "H", "05", "12", "decided_deny"),
    (ALONE, "J1", "K", "03", "05", "decided_pass"),
    (APART, "J1", None, "03", "06", "decided_pass"),
    (APART, "J2", None, "03", "04", "decided_pass"),
]
CLOSED = {"不予受理": 2, "撤件": 2, "顺序错误": 1}
# What March 2025 is of 甲局: n, numerator, denominator, excluded. Durations in working days.
MARCH = {
    "on_time_rate": (10, 7, 10, {"到期前撤件": 1, "暂停计时": 1}),
    "overdue_rate": (10, 3, 10, {"到期前撤件": 1, "暂停计时": 1}),
    "statutory_overdue_rate": (10, 1, 10, {"法定到期前撤件": 2}),
    "early_completion_rate": (7, 5, 7, CLOSED | {"无承诺时限": 1, "即办": 1}),
    "first_time_rate": (9, 6, 9, CLOSED),
    "rejection_rate": (18, 2, 18, {}),
    "reset_rate": (18, 1, 18, {}),
    "correction_rate": (18, 1, 18, {}),
    "second_correction_rate": (18, 1, 18, {}),
    "commitment_rate": (0, 0, 0, CLOSED | {"事项不适用告知承诺": 9}),
    "commitment_breach_rate": (0, None, None, {"无数据来源": 14}),
    "tolerant_rate": (9, 1, 9, CLOSED),
    "tolerant_overdue_rate": (0, None, None, {"非容缺": 13, "无数据来源": 1}),
    "same_day_rate": (9, 1, 9, CLOSED),
    "online_rate": (17, 16, 17, {"渠道不明": 1}),
    "suspension_rate": (9, 1, 9, CLOSED),
    "excluded_days_share": (9, 2, 33, CLOSED),
    "late_acceptance_rate": (17, 0, 17, {"顺序错误": 1}),
    "deemed_acceptance_rate": (18, 0, 18, {}),
    "promise_compression_cases": (8, 85, 120, CLOSED | {"无承诺时限": 1}),
    "actual_vs_statutory": (9, 135 - 31, 135, CLOSED),
    "actual_vs_promised": (7, 35 - 28, 35, CLOSED | {"无承诺时限": 1, "即办": 1}),
    "rating_rate": (10, 2, 10, {"评价对不上已办结办件": 1}),
    "satisfaction_rate": (2, 1, 2, {"评价对不上已办结办件": 1, "未评价": 7, "默认评价": 1}),
    "median_elapsed_days": (9, None, None, CLOSED),
    "median_elapsed_days_of_granted": (8, None, None, CLOSED | {"不予许可": 1}),
    "median_elapsed_days_of_denied": (1, None, None, CLOSED | {"准予": 8}),
    "median_elapsed_days_of_promised": (7, None, None, CLOSED | {"无承诺时限": 1, "即办": 1}),
    "case_span_days_median": (9, None, None, CLOSED),
    "acceptance_wait_days_p90": (17, None, None, {"顺序错误": 1}),
}
# The same over all of the small district, whatever the month.
EVERYWHERE = {
    "parallel_rate": (3, 1, 3, {"只涉及一个事项": 32}),
    "joint_acceptance_rate": (3, 2, 3, {"验收事项不足两个": 3}),
    "joint_acceptance_first_pass_rate": (2, 1, 2, {"验收事项不足两个": 3, "未联合验收": 1}),
    "order_break_rate": (
        2,
        1,
        2,
        {"不予受理": 2, "撤件": 2, "在办": 4, "不予许可": 2, "顺序错误": 1, "无前置事项": 31},
    ),
    "bypass_rate_lower": (2, 1, 2, {}),
    "bypass_rate_upper": (2, 2, 2, {}),
    "regional_assessment_rate": (0, None, None, {"无数据来源": 3}),
    "promise_compression_catalogue": (5, 57, 70, {"无承诺时限": 1}),
    "on_the_spot_item_share": (5, 1, 5, {"无承诺时限": 1}),
    "online_item_share": (0, 0, 0, {"网办深度不明": 6}),
    "catalogue_item_count": (6, None, None, {}),
    "project_approval_days_median": (1, None, None, {"尚未竣工": 2}),
}
# Medians and sums of days, straight from the metric over its mart.
VALUES = {
    "median_elapsed_days where department_name = '甲局' and received_date >= '2025-01-01'": 4,
    "p80_elapsed_days where department_name = '甲局' and received_date >= '2025-01-01'": 4.4,
    "mean_elapsed_days where department_name = '甲局' and received_date >= '2025-01-01'": 31 / 9,
    "median_elapsed_days_of_granted where department_name = '甲局' and received_date >= '2025-01-01'": 3.5,
    "median_elapsed_days_of_denied where department_name = '甲局' and received_date >= '2025-01-01'": 5,
    "median_elapsed_days_of_promised where department_name = '甲局' and received_date >= '2025-01-01'": 4,
    "case_span_days_median where department_name = '甲局' and received_date >= '2025-01-01'": 6,
    "acceptance_wait_days_median where department_name = '甲局' and received_date >= '2025-01-01'": 0,
    "acceptance_wait_days_p90 where department_name = '甲局' and received_date >= '2025-01-01'": 1.4,
    f"stage_union_days_median where works_code = '{JOINT}'": 4,
    f"stage_overlap_share where works_code = '{JOINT}'": 1 - 4 / 6,
    f"project_approval_days_median where project_code = '{FINISHED}'": 4,
    f"project_span_days_median where project_code = '{FINISHED}'": 8,
    f"project_approval_days_median where project_code = '{UNFINISHED}'": None,
    "promise_compression_catalogue_median": 0.8,
    "catalogue_step_count where is_current": 6 * 4,
}


@pytest.fixture(scope="module")
def marts(settings, tmp_path_factory):
    with (
        pytest.MonkeyPatch.context() as patch,
        psycopg.connect(settings.admin_dsn("yidang"), autocommit=True) as warehouse,
    ):
        open_world(settings, tmp_path_factory.mktemp("departments"), patch)
        _land(warehouse)
        build.build(settings, as_of=date(2025, 3, 31), with_tests=False)
        with psycopg.connect(settings.dsn("reader"), autocommit=True, row_factory=dict_row) as reader:
            yield reader


def _land(warehouse: psycopg.Connection) -> None:
    items = [
        catalogue_row("A", stage=3, statutory=15, promised=10, effective_to="2025-02-28"),
        catalogue_row("A", stage=3, statutory=15, promised=5, version="2", effective_from="2025-03-01", materials=4),
        catalogue_row("Z", stage=3, statutory=15, promised=0),
        catalogue_row("N", stage=3, statutory=15, promised=None),
        catalogue_row("J1", stage=4, statutory=15, promised=3),
        catalogue_row("J2", stage=4, statutory=15, promised=3, prerequisite_codes="J1"),
        catalogue_row("F", stage=4, statutory=10, promised=2, item_name="竣工验收备案"),
    ]
    land(warehouse, "zhengwu", "service_item", items)
    alpha, beta = Spgl("alpha"), Spgl("beta")
    numbers = {name: number for number, name in enumerate(CASES)}
    places = {name: f"{PROJECT_CODE}-{numbers[values.get('works', name)]:03d}" for name, (*_, values) in CASES.items()}
    for works in dict.fromkeys(places.values()):
        alpha.works(works, PROJECT_CODE)
    for name, (item, promised, happened, values) in CASES.items():
        header = {key: value for key, value in values.items() if key != "works"}
        alpha.case(name, places[name], item, promised, _events(happened), **header)
    alpha.add("xmspsxpfwjxxb", spsxslbm="early", gcdm=places["early"], pfrq="2025-03-07", pfwh="示建许〔2025〕1号")
    alpha.add("xmspsxpfwjxxb", spsxslbm="nobody", gcdm=places["early"], pfrq="2025-03-20", pfwh="示建许〔2025〕2号")
    for works in (JOINT, SERIAL, ALONE, APART):
        beta.works(works, works[:-4])
    for works, item, slip, accepted, decided, outcome in SEVERAL_ITEMS:
        happened = [("received", accepted), ("accepted", accepted), (outcome, decided)]
        values = {"blspslbm": slip, "spbmmc": "乙局"}
        beta.case(f"{works}-{item}", works, item, 3, _events(happened), **values)
    _land_base_year(alpha, beta)
    alpha.land(warehouse)
    beta.land(warehouse)
    grades = [("early", 5, "否"), ("denied_on_the_last_day", 2, "否"), ("late", 5, "是"), ("nobody", 5, "否")]
    ratings = [
        {
            "id": case,
            "case_no": case,
            "dept_name": "甲局",
            "rated_at": "2025-03-25",
            "grade": grade,
            "is_default": default,
        }
        for case, grade, default in grades
    ]
    land(warehouse, "zhengwu", "rating", ratings)


def _land_base_year(alpha: Spgl, beta: Spgl) -> None:
    """March 2024: twelve cases of A that took 8 days, four of Z on the spot, two of J1 that took 3."""
    cases = [(alpha, PROJECT_CODE, "A", 10, "14")] * 12 + [(alpha, PROJECT_CODE, "Z", 0, "04")] * 4
    cases += [(beta, UNFINISHED, "J1", 3, "07")] * 2
    for number, (department, project, item, promised, decided) in enumerate(cases, start=100):
        department.works(f"{project}-{number}", project)
        happened = [("received", "04"), ("accepted", "04"), ("decided_pass", decided)]
        values = {"spbmmc": "甲局" if department is alpha else "乙局"}
        department.case(f"base-{number}", f"{project}-{number}", item, promised, _events(happened, 2024), **values)


def _events(happened: list[tuple[str, str]], year: int = 2025) -> list[dict]:
    return [
        {"kind": kind, "at": f"{year}-03-{day} {9 + place:02d}:00:00"} for place, (kind, day) in enumerate(happened)
    ]


def found(marts: psycopg.Connection, metric: str, **where: object) -> dict:
    conditions = " and ".join(f"{column} is not distinct from %s" for column in where)
    query = f"select * from marts.agg_indicator where metric = %s and {conditions}"
    (row,) = marts.execute(query, (metric, *where.values())).fetchall()
    return row


def check(row: dict, expected: tuple) -> None:
    n, numerator, denominator, excluded = expected
    assert (row["n"], row["numerator"], row["denominator"]) == (n, numerator, denominator)
    assert row["excluded"] == excluded
    assert row["cohort"] == n + sum(excluded.values()) or row["excluded"] == {}
    enough = n >= 10 or row["grain"] == "事项"
    assert row["is_sample_sufficient"] == enough
    if not enough or row["no_data_reason"]:
        assert row["value"] is None, "fewer than ten, and what no source says, have no value"
    elif denominator:
        assert float(row["value"]) == pytest.approx(numerator / denominator)


@pytest.mark.parametrize("metric", MARCH)
def test_indicator_of_a_department_in_a_month(marts, metric):
    month = {"dimension": "department", "slice": "甲局", "period_grain": "month", "period_start": date(2025, 3, 1)}
    check(found(marts, metric, **month), MARCH[metric])


@pytest.mark.parametrize("metric", EVERYWHERE)
def test_indicator_of_the_district(marts, metric):
    check(found(marts, metric, dimension="district", period_grain="all"), EVERYWHERE[metric])


@pytest.mark.parametrize("asked", VALUES)
def test_days_worked_out_by_hand(settings, marts, asked):
    name, _, condition = asked.partition(" ")
    metric = metrics.load(settings)[name]
    row = marts.execute(f"select {metric.sql} as value from marts.{metric.model} {condition}").fetchone()
    assert (row["value"] is None) == (VALUES[asked] is None)
    assert row["value"] is None or float(row["value"]) == pytest.approx(VALUES[asked])


def test_what_is_not_yet_due_lies_ahead_and_what_never_falls_due_is_still_there(marts):
    department = {"dimension": "department", "slice": "甲局"}
    ahead = found(marts, "on_time_rate", **department, period_grain="month", period_start=date(2025, 4, 1))
    assert (ahead["n"], ahead["excluded"]) == (0, {"尚未到期": 2})
    undated = found(marts, "on_time_rate", **department, period_grain="undated")
    assert (undated["n"], undated["excluded"]) == (0, {"不予受理": 2, "顺序错误": 1, "无承诺时限": 1})
    whole = found(marts, "on_time_rate", **department, period_grain="all")
    assert whole["cohort"] == len(CASES) + 16
    assert len(CASES) == 10 + 2 + 2 + 4


def test_every_row_of_every_mart_is_counted_or_left_out_for_a_reason(settings, marts):
    for metric in metrics.load(settings).values():
        (rows,) = marts.execute(
            f"select count(*) as n from marts.{metric.model} where {metric.period.scope or 'true'}"
        ).fetchall()
        for dimension in ("district", *metric.slices):
            (parts,) = marts.execute(
                """
                select
                    sum(cohort) filter (where period_grain = 'all') as whole,
                    sum(cohort) filter (where period_grain in ('month', 'undated')) as months,
                    sum(n + left_out) filter (where period_grain = 'all') as accounted
                from marts.agg_indicator
                cross join lateral (
                    select coalesce(sum(value::bigint), 0) as left_out from jsonb_each_text(excluded)
                ) as reasons
                where metric = %s and dimension = %s
                """,
                (metric.name, dimension),
            ).fetchall()
            # a mart without rows has no slices
            counted = {name: number or 0 for name, number in parts.items()}
            assert counted["whole"] == rows["n"], metric.name
            assert metric.period.scope or counted["months"] == rows["n"], metric.name
            assert metric.is_count or counted["accounted"] == rows["n"], metric.name


def test_a_ranked_rate_carries_its_interval(marts):
    """7 of 10: 39.7 % to 89.2 % (Wilson)."""
    row = found(
        marts, "on_time_rate", dimension="department", slice="甲局", period_start=date(2025, 1, 1), period_grain="year"
    )
    assert (row["wilson_low"], row["wilson_high"]) == pytest.approx((0.3968, 0.8922), abs=1e-4)
    few = found(
        marts, "tolerant_rate", dimension="department", slice="甲局", period_start=date(2025, 1, 1), period_grain="year"
    )
    assert (few["wilson_low"], few["wilson_high"]) == (None, None)


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(8, 10, 0.4902, 0.9433), (0, 10, 0, 0.2775), (10, 10, 0.7225, 1), (81, 263, 0.2553, 0.3662)],
)
def test_wilson_interval_of_known_shares(marts, hits, n, low, high):
    """81 of 263 is Newcombe's (1998) own example. PostgreSQL and numpy say the same."""
    bounds = wilson_interval(str(hits), str(n))
    row = marts.execute(f"select {bounds[0]} as low, {bounds[1]} as high").fetchone()
    assert (row["low"], row["high"]) == pytest.approx((low, high), abs=1e-4)
    assert tuple(wilson(np.array(hits / n), np.array(n))) == pytest.approx((row["low"], row["high"]))
    nothing = wilson_interval("0", "0")
    assert marts.execute(f"select {nothing[0]} as low, {nothing[1]} as high").fetchone() == {"low": None, "high": None}


def test_sql_and_numpy_put_the_same_cases_together(settings, marts):
    """agg_compression (dbt) and agg_change (yidang.statistics) split by the strata of dbt_project.yml."""
    (compiled,) = (settings.dbt_target_dir / "compiled").rglob("agg_compression.sql")
    strata = declared(settings.dbt_dir)["strata"]
    assert f"group by label, is_now, {', '.join(strata)}\n" in compiled.read_text(encoding="utf-8")


def test_compression_against_a_named_base_at_the_mix_of_the_base(marts):
    """A: 8 → 4 days, Z: 0 → 0, J1: 3 → 2.75, weighed 12 : 4 : 2; the crude means know of other items too."""
    (row,) = marts.execute(
        "select * from marts.agg_compression where dimension = 'district'"
        " and comparison = '2025年较2024年（未完）（3月起）'"
    ).fetchall()
    assert (row["base_from"], row["now_from"]) == (date(2024, 3, 1), date(2025, 3, 1)), "before it there are no records"
    assert (row["base_to"], row["now_to"]) == (date(2024, 3, 1), date(2025, 3, 1)), "cut to the same months"
    assert (row["base_n"], row["now_n"], row["shared_stratum_count"]) == (18, 17, 3)
    assert row["now_excluded"] == CLOSED
    assert float(row["base_mean_days"]) == pytest.approx(102 / 18)
    assert float(row["now_mean_days"]) == pytest.approx(52 / 17)
    assert float(row["now_mean_days_at_base_mix"]) == pytest.approx((12 * 4 + 2 * 2.75) / 18)
    assert float(row["compression_against_base"]) == pytest.approx(1 - 53.5 / 102)
    assert float(row["throughput_gain"]) == pytest.approx(102 / 53.5 - 1)
    few = marts.execute("select * from marts.agg_compression where slice = '竣工验收'").fetchone()
    assert (few["base_n"], few["compression_against_base"], few["is_sample_sufficient"]) == (2, None, False)


def test_which_items_of_the_catalogue_changed(marts):
    rows = marts.execute(
        "select * from marts.fct_catalogue_change where comparison = '2025年较2024年（未完）'"
    ).fetchall()
    changed = {row["item_code"]: row for row in rows if row["change"] != "same"}
    assert len(rows) == 6
    assert set(changed) == {"A"}
    parts = ("material_count_before", "material_count_now", "promised_days_before", "promised_days_now")
    assert [changed["A"][part] for part in parts] == [6, 4, 10, 5]


def test_the_page_of_definitions_is_current(settings):
    assert metric_page.path(settings).read_text(encoding="utf-8") == metric_page.render(settings), "run: yidang metrics"


def test_documents_have_no_formula_of_their_own():
    """Aggregates are the metrics' business; reports may ask which days and names there are."""
    formula = re.compile(
        r"\b(avg|sum|count|percentile_cont|percentile_disc|stddev)\s*\(\s*(\*|distinct\b|case\b|[a-z_]+_)", re.I
    )
    for path in sorted((ROOT / "yidang" / "reports").glob("*.py")):
        written = [part for part in re.findall(r'"""(.*?)"""', path.read_text(encoding="utf-8"), re.S)]
        assert not [part for part in written if formula.search(part)], path
