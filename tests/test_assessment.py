"""The assessment of departments, with every point worked out by hand from the scheme that is in seeds."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import date

import psycopg
import pytest
from clock_world import Spgl, land
from ledger_world import built_ledgers

from yidang import metrics
from yidang.settings import ROOT

pytestmark = pytest.mark.integration

# A Friday, the eighth working day after the third quarter: 1 to 8 October were holidays, 11 October made up for one.
AS_OF = date(2025, 10, 17)
MARTS = ["agg_assessment", "agg_assessment_point", "fct_assessment_appeal"]
PROJECT = "2017-330199-47-03-00000"
JULY_AND_AUGUST = {"period_grain": "two_months", "period_start": date(2025, 7, 1)}
# of 20 cases decided in July: late, corrected; of ten rated and ten called back: satisfied
CONDUCT = {"alpha": ("甲局", 0, 0, 10, 10), "beta": ("乙局", 2, 4, 9, 9)}
APPEALS = [
    # number, department, kind, first day, indicator, filed, decided, result
    ("ACCEPTED", "乙", "双月", "2025-07-01", "按时办结率", "2025-09-12", "2025-09-15", "采纳"),  # the tenth day
    ("LATE", "乙局", "双月", "2025-07-01", "满意率", "2025-09-15", None, None),
    ("OTHER_MATTER", "甲局", "双月", "2025-07-01", "服务态度", "2025-09-01", "2025-09-02", "不采纳"),
    ("WAITS", "甲局", "季度", "2025-07-01", "按时办结率", "2025-10-10", "2025-10-20", "采纳"),  # decided next week
    ("NEXT_WEEK", "甲局", "季度", "2025-07-01", "补正率", "2025-10-20", None, None),
]


@pytest.fixture(scope="module")
def marts(settings, tmp_path_factory):
    """Connection whose rows are dicts, after the world was landed and built as of AS_OF."""
    with built_ledgers(settings, tmp_path_factory.mktemp("departments"), AS_OF, _land, MARTS) as connection:
        yield connection


def _land(warehouse: psycopg.Connection) -> None:
    voices = {table: [] for table in ("rating", "callback")}
    for place, (department, (name, late, corrected, *satisfied)) in enumerate(CONDUCT.items(), 1):
        cases = Spgl(department)
        for number in range(20):
            works = f"{PROJECT}{place}-{number:03d}"
            cases.works(works, f"{PROJECT}{place}")
            happened = [("received", "01 08"), ("accepted", "01 09")]
            if number >= 20 - corrected:
                happened += [("correction_requested", "02 09"), ("correction_received", "03 09")]
            happened.append(("decided_pass", "11 09" if number < late else "04 09"))
            events = [{"kind": kind, "at": f"2025-07-{at}:00:00"} for kind, at in happened]
            cases.case(f"{department}{number}", works, "IT01", 5, events, spbmmc=name)
        cases.land(warehouse)
        rated, called = satisfied
        for number in range(10):
            key = f"{department}{number}"
            voices["rating"].append({"id": key, "case_no": key, "dept_name": name, "rated_at": "2025-07-20",
                                     "grade": 5 if number < rated else 1, "is_default": "f"})  # fmt: skip
            voices["callback"].append({"callback_no": key, "dept_name": name, "called_at": "2025-08-20",
                                       "answered": "t", "grade": 4 if number < called else 2})  # fmt: skip
    call = {
        "dept_name": "甲局",
        "called_at": "2025-10-15 09:00",
        "answered": "t",
        "grade": 5,
        "callback_no": "this month",
    }
    voices["callback"] += [call, {**call, "called_at": "2025-07-15", "dept_name": "某某办", "callback_no": "elsewhere"}]
    for table, rows in voices.items():
        land(warehouse, "zhengwu", table, rows)
    names = ("appeal_no", "dept_name", "period_kind", "period_from", "indicator", "filed_at", "decided_at", "result")
    land(warehouse, "zhuanban", "assessment_appeal", [dict(zip(names, appeal, strict=True)) for appeal in APPEALS])


def assessed(marts, period_grain: str, period_start: date) -> dict[str, dict]:
    found = marts.execute(
        "select * from marts.agg_assessment where period_grain = %s and period_start = %s", (period_grain, period_start)
    )
    return {row["department_name"]: row for row in found}


def test_every_point_has_its_evidence(marts):
    found = {
        (row["department_name"], row["metric"]): (int(row["numerator"]), row["n"], float(row["points"]))
        for row in marts.execute(
            "select * from marts.agg_assessment_point where department_id is not null"
            " and period_grain = %(period_grain)s and period_start = %(period_start)s",
            JULY_AND_AUGUST,
        )
    }
    assert found == {
        ("甲局", "on_time_rate"): (20, 20, 40),
        ("甲局", "first_time_rate"): (20, 20, 20),
        ("甲局", "correction_rate"): (0, 20, 10),
        ("甲局", "satisfaction_rate"): (10, 10, 15),
        ("甲局", "callback_satisfaction_rate"): (10, 10, 15),
        # 90 % of 80 to 98
        ("乙局", "on_time_rate"): (18, 20, pytest.approx(40 * 10 / 18)),
        # 80 % of 50 to 85
        ("乙局", "first_time_rate"): (16, 20, pytest.approx(20 * 30 / 35)),
        # 20 % of 40 down to 10
        ("乙局", "correction_rate"): (4, 20, pytest.approx(10 * 20 / 30)),
        ("乙局", "satisfaction_rate"): (9, 10, pytest.approx(15 * 10 / 18)),
        ("乙局", "callback_satisfaction_rate"): (9, 10, pytest.approx(15 * 10 / 18)),
    }


def test_the_comparable_are_ranked_once_the_appeals_are_over(marts):
    found = assessed(marts, **JULY_AND_AUGUST)
    assert {name: row["state_name"] for name, row in found.items()} == dict.fromkeys(
        ("甲局", "乙局", "某某办"), "已公布"
    )
    assert (found["甲局"]["points"], found["甲局"]["rank_number"]) == (100, 1)
    assert (float(found["乙局"]["points"]), found["乙局"]["rank_number"]) == (pytest.approx(62.698413), 2)
    assert found["乙局"]["comparable_count"] == 2
    elsewhere = found["某某办"]
    assert (elsewhere["points"], elsewhere["rank_number"], elsewhere["least_n"]) == (None, None, 0)
    assert elsewhere["remark"] == "样本不足：按时办结率、一次办结率、回访满意率、满意率、补正率"


def test_what_rests_on_too_little_earns_nothing_and_costs_nothing(marts):
    july = assessed(marts, "month", date(2025, 7, 1))["甲局"]  # nobody was called back before August
    assert (july["points"], july["covered_weight"]) == (85, 85)
    assert (july["state_name"], july["rank_number"], july["remark"]) == ("已公布", None, "样本不足：回访满意率")


def test_a_draft_and_an_appeal_that_waits_have_no_ranks(marts):
    quarter = assessed(marts, "quarter", date(2025, 7, 1))["甲局"]
    assert quarter["is_comparable"]
    assert quarter["period_name"] == "2025年第3季度"
    assert (quarter["state_name"], quarter["rank_number"], quarter["open_appeal_count"]) == ("申诉中", None, 1)
    assert quarter["remark"] == "申诉中，尚不排名"
    for grain, first in (("month", 10), ("two_months", 9), ("quarter", 10)):
        row = assessed(marts, grain, date(2025, first, 1))["甲局"]
        assert (row["state_name"], row["rank_number"]) == ("草案", None)


def test_appeals_count_by_the_day_they_were_filed(marts):
    found = {row["appeal_code"]: row for row in marts.execute("select * from marts.fct_assessment_appeal")}
    assert {
        number: (row["filed_working_days"], row["is_in_time"], row["is_decided"]) for number, row in found.items()
    } == {
        "ACCEPTED": (10, True, True),
        "LATE": (11, False, False),
        "OTHER_MATTER": (1, True, True),
        "WAITS": (2, True, False),
    }
    assert {number: row["metric"] for number, row in found.items() if row["metric"] is None} == {"OTHER_MATTER": None}
    counts = {
        name: (row["appeal_count"], row["upheld_appeal_count"])
        for name, row in assessed(marts, **JULY_AND_AUGUST).items()
    }
    assert counts == {"甲局": (1, 0), "乙局": (1, 1), "某某办": (0, 0)}


def test_the_scheme_names_rates_of_departments_and_gives_a_hundred_points(settings):
    with (ROOT / "dbt_project" / "seeds" / "assessment_indicators.csv").open(encoding="utf-8", newline="") as file:
        scheme = list(csv.DictReader(file))
    known = metrics.load(settings)
    weights = Counter()
    for row in scheme:
        metric = known[row["metric"]]
        assert metric.denominator_sql is not None, "the parts of a rate can be added up over months, a median cannot"
        assert "department" in metric.slices
        assert row["target"] != row["zero_at"]
        weights[row["period_grain"]] += int(row["weight"])
    assert weights == {"month": 100, "two_months": 100, "quarter": 100}
