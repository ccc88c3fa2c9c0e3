"""What the hall keeps beside the cases: voices, agencies, visits. Every answer was worked out by hand."""

# ruff: noqa: S608 - the queries are put together from our own names

from __future__ import annotations

from datetime import date
from decimal import Decimal

import psycopg
import pytest
from clock_world import Spgl, catalogue_row, land, write_contracts
from ledger_world import built_ledgers

pytestmark = pytest.mark.integration

AS_OF = date(2025, 10, 17)  # a Friday; 1 to 8 October were holidays, 28 September and 11 October made up for them
MARTS = [
    "agg_indicator", "agg_flat_series", "agg_complaint", "agg_agency_market", "agg_agency_price_change",
    "agg_service_reach", "fct_question", "fct_complaint", "fct_callback",
]  # fmt: skip
KNOWN, UNKNOWN = "2017-330199-47-03-000001", "2017-330199-47-03-000099"

QUESTIONS = {
    # number: asked, replied, department
    "SAME": ("2025-09-30 09:00", "2025-09-30 19:00", "甲"),
    "OVER": ("2025-09-30 16:00", "2025-10-09 09:00", "甲局"),
    "REST_DAY": ("2025-10-11 09:00", "2025-10-11 10:00", "甲局"),
    "SUNDAY": ("2025-10-12 09:00", "2025-10-13 09:00", "甲局"),
    "WAITS": ("2025-10-17 10:00", None, "甲局"),
    "LATER": ("2025-10-16 10:00", "2025-10-20 10:00", "某某办"),
    "TURNED": ("2025-10-10 10:00", "2025-10-09 10:00", "甲局"),
    "TOMORROW": ("2025-10-18 10:00", "2025-10-18 11:00", "甲局"),
    "NO_DAY": ("无", None, "甲局"),
}
# month of 2025: grades of those who answered; one more did not
FLAT = {month: (5, 3, 4, 5, 3) for month in range(3, 10)}
GRADES = {"甲局": FLAT | {10: (5, 2)}, "乙局": FLAT | {6: (5, 2)}}
COMPLAINTS = [
    # number, about, received, closed, upheld
    ("OPEN", "甲局", "2025-09-15", None, None),
    ("RIGHT", "甲局", "2025-09-29", "2025-10-10", "t"),  # the 30th, 9 and 10 October
    ("WRONG", "甲", "2025-09-15", "2025-09-15", "f"),
    ("CLOSED_NEXT_WEEK", "甲局", "2025-10-16", "2025-10-20", "t"),
    ("NEXT_WEEK", "甲局", "2025-10-20", None, None),
    ("TURNED", "乙局", "2025-10-10", "2025-10-09", "f"),
]
# category, commissioned by, ordered, delivered, price
ORDERS = [
    *[("测绘", "政府", "2024-09-02", "2024-09-09", 10_000)] * 10,  # Monday to Monday: 5 working days
    *[("测绘", "政府", "2025-09-01", "2025-09-04", 8_000)] * 6,  # 3
    *[("测绘", "建设单位", "2025-09-29", "2025-10-10", 12_000)] * 6,  # 30 September, 9 and 10 October: 3
    ("测绘", "建设单位", "2025-10-15", "2025-10-21", 9_000),  # delivered next week
    ("测绘", "某人", "2025-10-15", "2025-10-14", "面议"),
    *[("环评编制", "建设单位", "2025-09-01", "2025-09-02", 50_000)] * 3,
    ("环评编制", "建设单位", "2025-10-20", None, 50_000),
]
CHANNELS = [
    ("IT01", "线下办理", "f", "2024-01-01"),
    ("IT01", "原件预审", "f", "2025-06-01"),
    ("IT01", "全程网办", "t", "2025-11-01"),  # next month
    ("IT02", "线下办理", "f", "2024-01-01"),
    ("IT03", "全程网办", "t", "2025-01-01"),
]
VISITS = [
    *[(f"C{number}", "2025-09-01 08:00") for number in range(10)],
    *[("C10", day) for day in ("2025-09-01 08:00", "2025-09-03 10:00", "2025-09-15 10:00")],
    ("C12", "2025-09-15 10:00"),  # came in online, its certificate was fetched
    ("C0", "2025-10-20 10:00"),  # next week
    ("NOBODY", "2025-09-02 10:00"),
]
MACHINE, VILLAGE = "自助服务终端", "村级便民服务中心"
POINTS = [
    (MACHINE, None, "2025-01-01", None),
    (MACHINE, None, "2025-01-01", "2025-10-17"),
    (MACHINE, None, "2025-01-01", "2025-10-18"),
    (MACHINE, None, "2025-10-18", None),
    *[(VILLAGE, "t", "2020-01-01", None)] * 9,
    *[(VILLAGE, "f", "2020-01-01", None)] * 3,
]


@pytest.fixture(scope="module")
def marts(settings, tmp_path_factory):
    """Connection whose rows are dicts, after the world was landed and built as of AS_OF."""
    folder = tmp_path_factory.mktemp("departments")
    # 甲局 has a second system, which has sent nothing: whoever names the office is counted once
    write_contracts(folder)
    (folder / "alpha_second.yml").write_text((folder / "alpha.yml").read_text(encoding="utf-8"), encoding="utf-8")
    with built_ledgers(settings, folder, AS_OF, _land, MARTS) as connection:
        yield connection


def _land(warehouse: psycopg.Connection) -> None:
    alpha = Spgl("alpha")
    alpha.works(f"{KNOWN}-1", KNOWN)
    for number in range(20):  # decided in September, twenty of them
        events = [
            {"kind": "received", "at": "2025-09-01 08:00:00"},
            {"kind": "accepted", "at": "2025-09-01 09:00:00"},
            {"kind": "decided_pass", "at": "2025-09-05 09:00:00"},
        ]
        # twelve at the window, eight online
        alpha.case(f"C{number}", f"{KNOWN}-1", "IT01", 5, events, slfs="1" if number < 12 else "4")
    alpha.land(warehouse)
    items = [catalogue_row(f"IT0{number}", stage=1, statutory=20, promised=5) for number in (1, 2, 3, 4)]
    land(warehouse, "zhengwu", "service_item", items)
    land(warehouse, "zhengwu", "item_channel", [
        {"item_code": code, "depth": depth, "cross_province": crosses, "since": since}
        for code, depth, crosses, since in CHANNELS
    ])  # fmt: skip
    land(warehouse, "zhengwu", "visit", [
        {"id": number, "case_no": case, "dept_name": "甲局", "visited_at": visited, "project_code": KNOWN}
        for number, (case, visited) in enumerate(VISITS)
    ])  # fmt: skip
    land(warehouse, "zhengwu", "service_point", [
        {"point_no": f"P{number}", "kind": kind, "is_standard": standard, "opened_on": opened, "closed_on": closed}
        for number, (kind, standard, opened, closed) in enumerate(POINTS)
    ])  # fmt: skip
    land(warehouse, "zhengwu", "question", [
        {"id": number, "asked_at": asked, "replied_at": replied, "reply_dept": department, "channel": "网上",
         "project_code": UNKNOWN if number == "LATER" else KNOWN}
        for number, (asked, replied, department) in QUESTIONS.items()
    ])  # fmt: skip
    land(warehouse, "zhengwu", "callback", [
        {"callback_no": f"{department}{month}{place}", "dept_name": department, "project_code": KNOWN,
         "called_at": f"2025-{month:02d}-15 10:00", "answered": "f" if grade is None else "t", "grade": grade}
        for department, months in GRADES.items()
        for month, grades in months.items()
        for place, grade in enumerate((*grades, None))
    ])  # fmt: skip
    land(warehouse, "zhengwu", "callback", [
        {"callback_no": "UNHEARD", "dept_name": "甲局", "called_at": "2025-10-16 10:00", "answered": "f", "grade": 5},
        {"callback_no": "NEXT_WEEK", "dept_name": "甲局", "called_at": "2025-10-20 10:00", "answered": "t", "grade": 5},
    ])  # fmt: skip
    land(warehouse, "zhengwu", "complaint", [
        {"complaint_no": number, "about_dept": about, "received_at": received, "closed_at": closed, "is_upheld": upheld,
         "project_code": KNOWN}
        for number, about, received, closed, upheld in COMPLAINTS
    ])  # fmt: skip
    land(warehouse, "zhengwu", "agent_order", [
        {"id": number, "project_code": KNOWN, "category": category, "commissioned_by": by, "ordered_at": ordered,
         "delivered_at": delivered, "price_yuan": price, "agency_credit_code": f"91350100M000100Y{number % 2}"}
        for number, (category, by, ordered, delivered, price) in enumerate(ORDERS)
    ])  # fmt: skip


def rows(marts, mart: str, key: str) -> dict[str, dict]:
    return {row[key]: row for row in marts.execute(f"select * from marts.{mart}")}


def figure(marts, metric: str, **where: object) -> tuple:
    """n, numerator and what is left out, of the district over all time unless `where` says otherwise."""
    wanted = {"dimension": "district", "period_grain": "all", **where}
    conditions = " and ".join(f"{column} = %s" for column in wanted)
    (row,) = marts.execute(
        f"select * from marts.agg_indicator where metric = %s and {conditions}",
        (metric, *wanted.values()),
    ).fetchall()
    return row["n"], row["numerator"], row["excluded"]


@pytest.mark.parametrize(
    ("number", "same_day", "days"),
    [
        ("SAME", True, 0),
        ("OVER", False, 1),
        ("REST_DAY", True, 0),
        ("SUNDAY", False, 1),
        ("WAITS", False, None),
        ("LATER", False, None),  # what comes after as_of is not known yet
        ("TURNED", None, None),
        ("NO_DAY", None, None),
    ],
)
def test_replies_are_held_against_the_day_of_the_question(marts, number, same_day, days):
    row = rows(marts, "fct_question", "question_code")[number]
    assert (row["is_replied_same_day"], row["reply_working_days"]) == (same_day, days)


def test_every_question_known_by_then_is_one_row_with_its_department_and_project(marts):
    found = rows(marts, "fct_question", "question_code")
    assert set(found) == QUESTIONS.keys() - {"TOMORROW"}
    departments = {number: (row["department_id"], row["department_name"]) for number, row in found.items()}
    assert departments.pop("LATER") == (None, "某某办")
    assert set(departments.values()) == {("alpha", "甲局")}
    assert {number for number, row in found.items() if not row["is_known_project"]} == {"LATER"}


def test_question_rates(marts):
    left_out = "咨询日期不明或者回复早于咨询"
    assert figure(marts, "question_reply_rate") == (6, 4, {left_out: 2})
    assert figure(marts, "question_same_day_rate") == (6, 2, {left_out: 2})
    assert figure(marts, "question_reply_rate", period_grain="undated") == (0, 0, {left_out: 1})


def test_calls_that_nobody_answered_have_no_grade(marts):
    found = rows(marts, "fct_callback", "callback_code")
    assert "NEXT_WEEK" not in found
    assert (found["UNHEARD"]["is_satisfied"], found["甲局101"]["is_satisfied"], found["甲局31"]["is_satisfied"]) == (
        None,
        False,
        True,
    )
    # 甲局: 35 of 42, 2 of 3 and the one unheard; 乙局: 30 of 36 and 2 of 3
    assert figure(marts, "callback_count")[0] == 85
    assert figure(marts, "callback_answer_rate") == (85, 69, {})
    assert figure(marts, "callback_satisfaction_rate") == (69, 67, {"未接通": 16})
    assert figure(marts, "callback_satisfaction_rate", dimension="department", slice="乙局")[:2] == (32, 31)


def test_a_flat_series_is_remarked_on_and_a_broken_one_is_not(marts):
    found = marts.execute(
        "select slice, first_month, last_month, month_count, n, least_n, is_ongoing, remark from marts.agg_flat_series"
        " where metric = 'callback_satisfaction_rate'"
    ).fetchall()
    (row,) = found
    assert row.pop("remark").startswith("连续 7 个月 100%（共 35 回访，最少一月 5）：是警示，不是成绩")
    # October is not over, and does not break it yet
    assert list(row.values()) == ["甲局", date(2025, 3, 1), date(2025, 9, 1), 7, 35, 5, True]


def test_complaints_and_how_many_for_a_hundred_decided_cases(marts):
    found = rows(marts, "fct_complaint", "complaint_code")
    assert {
        number: (row["is_closed"], row["is_upheld"], row["closing_working_days"]) for number, row in found.items()
    } == {
        "OPEN": (False, None, None),
        "RIGHT": (True, True, 3),
        "WRONG": (True, False, 0),
        "CLOSED_NEXT_WEEK": (False, None, None),
        "TURNED": (True, False, None),
    }
    assert figure(marts, "complaint_upheld_rate") == (3, 1, {"尚未办结": 2})
    by_month = {
        (row["slice"], row["period_start"]): (
            row["complaint_count"],
            row["decided_case_count"],
            row["complaints_per_hundred"],
        )
        for row in marts.execute("select * from marts.agg_complaint where period_grain = 'month'")
    }
    assert by_month == {
        ("全区", date(2025, 9, 1)): (3, 20, Decimal(15)),
        ("甲局", date(2025, 9, 1)): (3, 20, Decimal(15)),
        ("全区", date(2025, 10, 1)): (2, 0, None),
        ("甲局", date(2025, 10, 1)): (1, 0, None),
        ("乙局", date(2025, 10, 1)): (1, 0, None),
    }


def test_agency_work_is_counted_by_kind_and_commissioner(marts):
    found = {
        (row["category"], row["commissioner_name"]): tuple(row.values())[2:9]
        for row in marts.execute("select * from marts.agg_agency_market")
    }
    # orders, open, agencies, n and median of the days, n and median of the prices
    assert found == {
        ("测绘", "全部"): (24, 1, 2, 22, 3, 23, 10_000),
        ("测绘", "政府委托中介"): (16, 0, 2, 16, 5, 16, 10_000),
        ("测绘", "建设单位委托中介"): (7, 1, 2, 6, None, 7, None),
        ("测绘", "未标明"): (1, 0, 1, 0, None, 0, None),
        ("环评编制", "全部"): (3, 0, 2, 3, None, 3, None),
        ("环评编制", "建设单位委托中介"): (3, 0, 2, 3, None, 3, None),
    }
    assert figure(marts, "agency_days_median", dimension="category", slice="测绘") == (
        22,
        None,
        {"尚未交付": 1, "委托日期不明或者交付早于委托": 1},
    )


def test_a_price_is_compared_only_where_both_years_have_ten(marts):
    found = {
        row["category"]: (
            row["base_n"],
            row["base_median_price_yuan"],
            row["now_n"],
            row["now_median_price_yuan"],
            row["price_change"],
        )
        for row in marts.execute(
            "select * from marts.agg_agency_price_change where comparison = '2025年较2024年（未完）'"
        )
    }
    # of 2025: six for 8 000, six for 12 000; one for 9 000 is of October, which is not over
    assert found == {
        "测绘": (10, 10_000, 12, 10_000, 0),
        "环评编制": (0, None, 3, None, None),
    }


def test_items_and_cases_online_are_two_denominators(marts):
    assert figure(marts, "online_item_share") == (3, 1, {"网办深度不明": 1})
    assert figure(marts, "online_applicable_item_share") == (3, 2, {"网办深度不明": 1})
    assert figure(marts, "cross_province_item_count")[0] == 1
    assert figure(marts, "online_rate")[:2] == (20, 8)
    found = {
        row["item_code"]: (row["online_depth"], row["online_since"], row["online_rate_n"], row["online_rate"])
        for row in marts.execute("select * from marts.agg_service_reach")
    }
    assert found == {
        "IT01": ("原件预审", date(2025, 6, 1), 20, Decimal("0.4")),
        "IT02": ("线下办理", date(2024, 1, 1), 0, None),
        "IT03": ("全程网办", date(2025, 1, 1), 0, None),
        "IT04": (None, None, 0, None),
    }


def test_visits_are_measured_and_held_against_the_catalogue(marts):
    # of twelve window cases ten had one visit, one three, one none that was recorded; one online case had one
    (row,) = marts.execute("select * from marts.agg_service_reach where item_code = 'IT01'").fetchall()
    assert (row["visits_per_case_mean_n"], row["visits_per_case_mean"]) == (20, Decimal("0.7"))
    assert row["visits_per_window_case_mean_n"] == 11
    assert row["visits_per_window_case_mean"] == pytest.approx(Decimal(13) / 11)
    assert figure(marts, "visits_above_catalogue_rate") == (
        11,
        1,
        {"对不上已办结办件": 1, "非窗口收件": 8, "窗口收件却无到访记录": 1},
    )


def test_service_points_that_serve_on_the_day(marts):
    kinds = {"dimension": "point_kind", "period_grain": "all"}
    assert figure(marts, "service_point_count")[0] == 14
    assert figure(marts, "service_point_count", **kinds, slice=MACHINE)[0] == 2
    assert figure(marts, "service_point_standard_share") == (12, 9, {"该类无达标要求": 2})
