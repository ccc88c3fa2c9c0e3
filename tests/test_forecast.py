"""The forecast of open cases: by hand, against counting one by one, against simulated truth, and through dbt."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import numpy as np
import pandas
import psycopg
import pytest
from clock_world import PROJECT_CODE, Spgl, catalogue_row, land, open_world
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.rows import dict_row

from yidang import build, statistics
from yidang.statistics import calibration
from yidang.statistics.conditional import NO_LEVEL, Asked, Forecast, Observed, forecast
from yidang.statistics.incidence import LATE, ON_TIME, OPEN, WITHDRAWN
from yidang.wilson import wilson

DAYS = 15


def observed_of(cases: list[tuple[int, int]], *strata: list[int]) -> Observed:
    """cases: (day, end). strata: by level, of each case; without any, all are one stratum."""
    day, end = np.array(cases).T
    levels = np.array(strata) if strata else np.zeros((1, len(cases)), int)
    return Observed(levels, day, end, np.ones(len(cases)))


def ask(observed: Observed, *asked: tuple[int, int], strata: list[list[int]] | None = None, enough=(10,)) -> Forecast:
    """asked: (day, last_day)."""
    day, last_day = np.array(asked).T
    levels = np.array(strata) if strata else np.zeros((len(observed.strata), len(asked)), int)
    return forecast(observed, Asked(levels, day, last_day), DAYS, enough)


# -- one forecast -----------------------------------------------------------------------------------------------------
def test_a_forecast_worked_out_by_hand():
    """After day 2, fifteen are left: day 3 three decided, day 5 two withdrawn and one open, day 8 six decided, day 9
    three still open.
    """
    cases = [(1, ON_TIME)] * 7 + [(3, ON_TIME)] * 3 + [(5, WITHDRAWN)] * 2 + [(5, OPEN)] + [(8, LATE)] * 6
    found = ask(observed_of([*cases, *[(9, OPEN)] * 3]), (2, 6), (2, 8), (5, 8), (8, 8))
    # S: 1 · 12/15 on day 3 · 10/12 on day 5 · 3/9 on day 8
    assert found.late[:2] == pytest.approx([2 / 3, 2 / 9])
    assert (found.at_risk[:2].tolist(), found.case_count[:2].tolist()) == ([15, 15], [22, 22])
    # decided: 3/15 by day 3, 3/15 + 2/3 · 6/9 = 29/45 by day 8, and no more: nine in ten never are
    assert found.days[:, 0].tolist()[:2] == [3, 8] and np.isnan(found.days[2, 0])
    assert found.level.tolist() == [0, 0, NO_LEVEL, NO_LEVEL], "nine were followed beyond day 5, three beyond day 8"
    assert np.isnan(found.late[2:]).all() and np.isnan(found.days[:, 2:]).all()


def test_of_a_limit_that_has_ended_only_the_finish_is_forecast():
    found = ask(observed_of([(4, LATE)] * 6 + [(6, LATE)] * 6), (2, 2), (3, 1))
    assert found.level.tolist() == [0, 0] and np.isnan(found.late).all() and np.isnan(found.lower).all()
    assert found.days[1].tolist() == [4, 4]


def test_a_limit_that_nobody_was_followed_to_has_no_probability():
    """Twelve are open after day 4: what becomes of them by day 6 nobody knows, nor is it nothing."""
    observed = observed_of([(4, OPEN)] * 12)
    assert ask(observed, (2, 6), (2, 4)).level.tolist() == [NO_LEVEL, 0]
    assert ask(observed, (2, DAYS + 5), (DAYS, DAYS + 1), (DAYS + 4, DAYS + 9)).level.tolist() == [NO_LEVEL] * 3


def test_a_wider_circle_is_asked_where_the_own_is_small():
    own, wide = [(3, ON_TIME)] * 12, [(6, LATE)] * 40
    observed = observed_of(own + wide, [0] * 12 + [1] * 40, [0] * 52)
    asked, strata = [(1, 5), (1, 5), (1, 5)], [[0, 1, 7], [0, 0, 0]]
    first = ask(observed, *asked, strata=strata)
    assert first.level.tolist() == [0, 0, 1], "a stratum that never was has the wider one"
    assert first.late.tolist() == pytest.approx([0, 1, 40 / 52])
    assert ask(observed, *asked, strata=strata, enough=(50, 10)).level.tolist() == [1, 1, 1]
    assert ask(observed, *asked, strata=strata, enough=(60, 10)).level.tolist() == [0, 0, 1], "none has 60"
    assert ask(observed, *asked, strata=strata, enough=(60,)).level.tolist() == [NO_LEVEL] * 3


def test_nothing_observed_is_no_forecast():
    none = Observed(np.zeros((1, 0), int), *np.zeros((3, 0), int))
    assert ask(none, (0, 5)).level.tolist() == [NO_LEVEL]


many_cases = st.lists(st.tuples(st.integers(0, 12), st.integers(ON_TIME, OPEN)), min_size=10, max_size=80)


@settings(deadline=None)
@given(many_cases, st.integers(0, 9), st.integers(1, 6))
def test_it_agrees_with_going_through_the_days_one_by_one(cases: list[tuple[int, int]], day: int, left: int):
    """The product over the days, in fractions, of those who went on."""
    last_day, staying, decided, late, when = day + left, Fraction(1), Fraction(0), None, [None] * 3
    at_risk = n = sum(own > day for own, _ in cases)
    for own in range(day + 1, DAYS + 1):
        ends = [end for at, end in cases if at == own]
        if at_risk:
            done = sum(end in (ON_TIME, LATE) for end in ends)
            gone = done + sum(end == WITHDRAWN for end in ends)
            decided += staying * Fraction(done, at_risk)
            staying *= 1 - Fraction(gone, at_risk)
        when = [found or (own if decided >= share else None) for found, share in zip(when, SHARES, strict=True)]
        if own == last_day:
            late, is_followed = staying, at_risk > 0 or staying == 0
        at_risk -= len(ends)
    found = ask(observed_of(cases), (day, last_day))
    if n < 10 or not is_followed:
        assert found.level.tolist() == [NO_LEVEL]
        return
    assert (found.level[0], found.at_risk[0]) == (0, n)
    assert found.late[0] == pytest.approx(float(late))
    assert 0 <= found.lower[0] <= found.late[0] + 1e-9 and found.late[0] - 1e-9 <= found.upper[0] <= 1
    assert [None if np.isnan(own) else own for own in found.days[:, 0]] == when


SHARES = (Fraction(1, 10), Fraction(1, 2), Fraction(9, 10))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(4, 12), st.sampled_from((ON_TIME, LATE, WITHDRAWN))), min_size=10))
def test_without_open_cases_it_is_a_share_with_wilsons_interval(cases: list[tuple[int, int]]):
    found = ask(observed_of(cases), (3, 7))
    share = np.mean([day > 7 for day, _ in cases])
    lower, upper = wilson(share, np.array(len(cases)))
    assert (found.late[0], found.lower[0], found.upper[0]) == pytest.approx((share, lower, upper))


# -- is it right? -----------------------------------------------------------------------------------------------------
LIMIT, PACES = 8, (0.5, 0.25, 0.1)
MONTHS = pandas.date_range("2024-01-01", periods=20, freq="MS")


def simulated(seed: int, per_month: int) -> tuple[pandas.DataFrame, pandas.DataFrame, np.ndarray]:
    """Three items whose cases are decided on each working day with a probability of their own, a tenth of them
    withdrawn; one working day of a month stands for all others. Cases by the month in which they were closed, cases
    on the clock when the last months began, and the true probability of each of these of being late.
    """
    random = np.random.default_rng(seed)
    size = len(PACES) * len(MONTHS) * per_month
    item, began = np.arange(size) % len(PACES), np.arange(size) // len(PACES) % len(MONTHS)
    took = random.geometric(np.array(PACES)[item])
    state = np.where(random.random(size) < 0.1, "withdrawn", np.where(took > LIMIT, "decided_late", "decided_on_time"))
    # of four days each: a case that takes 9 is closed two months after the one in which it began
    closed = began + took // 4
    is_over = closed < len(MONTHS)
    same = {"department_id": "d", "flow_type": "1", "stage_number": "1", "limit_unit": "working_days"}
    cases = pandas.DataFrame(same | {"item_code": item.astype(str), "promised_limit": LIMIT})
    table = cases.assign(
        state=np.where(is_over, state, "open"),
        day=np.where(is_over, took, 4 * (len(MONTHS) - began)),
        cases=1,
        closed_month=pandas.Series(MONTHS.to_numpy()[np.minimum(closed, len(MONTHS) - 1)]).where(is_over),
    )
    table = table.assign(end=np.where(is_over, np.where(state == "withdrawn", WITHDRAWN, ON_TIME), OPEN))
    origins, truths = [], []
    for month in range(8, len(MONTHS) - 3):
        day = 4 * (month - began) - 1
        stands = (began < month) & (closed >= month)
        part = cases[stands].assign(held_out_month=MONTHS[month], day=day[stands], last_day=LIMIT, cases=1)
        part["reason"] = pandas.Series("already_overdue", index=part.index).where(part["day"] > LIMIT)
        origins.append(part.assign(is_late=(took > LIMIT)[stands].astype(int)))
        truths.append((1 - np.array(PACES)[item[stands]]) ** (LIMIT - day[stands]).clip(0))
    return table, pandas.concat(origins, ignore_index=True), np.concatenate(truths)


def test_on_simulated_cases_the_forecast_is_the_true_probability():
    table, origins, truth = simulated(3, 2000)
    judged = calibration.predict(table, origins)
    compared = judged["reason"].isna()
    judged, truth = judged[compared], truth[compared]
    assert len(judged) > 30_000 and judged["predicted"].notna().all()
    differences = np.abs(judged["predicted"] - truth)
    assert differences.mean() < 0.01 and differences.max() < 0.12
    found = calibration.summary(judged)
    assert found["predicted_share"] == pytest.approx(truth.mean(), abs=0.01)
    assert found["late_share_lower"] < truth.mean() < found["late_share_upper"]
    assert found["brier_score"] < found["base_rate_brier_score"] - 0.02
    rows = list(calibration.rows_of(judged))
    bins = [row for row in rows if row["slice_kind"] == "bin" and not row["is_suppressed"]]
    assert len(bins) >= 3 and sum(row["forecast_count"] for row in bins) == len(judged)
    for row in bins:
        assert row["probability_from"] <= row["predicted_share"] <= row["probability_to"]
        assert row["late_share_lower"] - 0.02 <= row["predicted_share"] <= row["late_share_upper"] + 0.02


def test_what_came_after_a_months_beginning_changes_no_forecast_of_it():
    table, origins, _ = simulated(5, 40)
    month = MONTHS[12]
    first = calibration.predict(table, origins[origins["held_out_month"] == month])
    later = ~(table["closed_month"] < month)
    changed = table.assign(day=table["day"].where(~later, 1), end=table["end"].where(~later, WITHDRAWN))
    again = calibration.predict(changed, origins[origins["held_out_month"] == month])
    assert first["predicted"].notna().sum() > 50
    pandas.testing.assert_series_equal(first["predicted"], again["predicted"])


def test_few_forecasts_are_counted_and_not_judged():
    judged = pandas.DataFrame(
        {"cases": [9, 4], "is_late": [1, 0], "predicted": [0.5, None], "reason": [None, "paused"]}
    )
    found = calibration.summary(judged)
    assert (found["forecast_count"], found["late_count"], found["is_suppressed"]) == (9, 9, True)
    assert found["excluded_by_reason"] == {"paused": 4}
    shares = ("predicted_share", "late_share", "late_share_lower", "late_share_upper", "brier_score")
    assert [found[name] for name in shares] == [None] * 5


# -- through dbt ------------------------------------------------------------------------------------------------------
AS_OF = date(2025, 3, 31)


def working_day(start: str, later: int = 0) -> str:
    """The day so many working days later; February after the 8th and March 2025 have no holidays."""
    day = date.fromisoformat(f"2025-{start}")
    while later:
        day += timedelta(days=1)
        later -= day.isoweekday() < 6
    return day.isoformat()


def _land(warehouse: psycopg.Connection) -> None:
    items = [catalogue_row(code, stage=3, statutory=40, promised=days) for code, days in PROMISES.items()]
    land(warehouse, "zhengwu", "service_item", [*items, FINISH])
    alpha = Spgl("alpha")
    alpha.works(f"{PROJECT_CODE}-001", PROJECT_CODE)

    def case(name: str, item: str, accepted: str, *happened: tuple[str, int], works: str = f"{PROJECT_CODE}-001"):
        events = [("received", 0), ("accepted", 0), *happened]
        told = [
            {"kind": kind, "at": f"{working_day(accepted, days)} {9 + place:02d}:00:00"}
            for place, (kind, days) in enumerate(events)
        ]
        alpha.case(name, works, item, (PROMISES | {"F": 30})[item], told)

    for number, days in enumerate([2] * 2 + [3] * 3 + [4] * 3 + [5] * 2 + [7] * 2):
        case(f"a{number}", "A", "03-03", ("decided_pass", days))
    case("a-withdrawn", "A", "03-03", ("withdrawn", 4))
    for name, accepted in {"one": "03-28", "two": "03-27", "last_day": "03-24", "late": "03-03"}.items():
        case(name, "A", accepted)
    case("paused", "A", "03-27", ("special_start", 1))
    for number in range(3):
        case(f"b{number}", "B", "03-03", ("decided_pass", 2))
    case("few", "B", "03-28")
    for number, days in enumerate([3] * 4 + [5] * 4 + [7] * 4):
        case(f"c{number}", "C", "02-10", ("decided_pass", days))
    for number in range(10):
        case(f"c-march{number}", "C", "02-26", ("decided_pass", 8 if number < 2 else 4))
    case("c-paused", "C", "02-26", ("special_start", 1), ("special_end", 8), ("decided_pass", 9))
    # four of the eight working days before March are taken out: day 4, beyond which eight were followed
    case("c-day-four", "C", "02-18", ("special_start", 1), ("special_end", 5), ("decided_pass", 10))
    for number, days in enumerate([10] * 5 + [20] * 5 + [None] * 2):
        project = f"2017-330199-47-03-{number:06d}"
        alpha.works(f"{project}-001", project)
        accepted = "03-03" if days else "03-26" if number == 10 else "03-13"
        case(f"f{number}", "F", accepted, *([("decided_pass", days)] if days else []), works=f"{project}-001")
    alpha.land(warehouse)


PROMISES = {"A": 5, "B": 3, "C": 6}
FINISH = catalogue_row("F", stage=4, statutory=40, promised=30, item_name="竣工验收备案")


@pytest.fixture(scope="module")
def marts(settings, tmp_path_factory):
    with (
        pytest.MonkeyPatch.context() as patch,
        psycopg.connect(settings.admin_dsn("yidang"), autocommit=True) as warehouse,
    ):
        open_world(settings, tmp_path_factory.mktemp("departments"), patch)
        _land(warehouse)
        needed = [f"+{model}" for model in sorted(statistics.INPUTS)]
        build.build(settings, as_of=AS_OF, select=" ".join(needed))
        with psycopg.connect(settings.dsn("reader"), autocommit=True, row_factory=dict_row) as reader:
            yield reader


def case_of(marts: psycopg.Connection, name: str) -> dict:
    (row,) = marts.execute("select * from marts.fct_case_forecast where case_id = %s", (f"alpha:{name}",)).fetchall()
    return row


through_dbt = pytest.mark.integration


@through_dbt
def test_an_open_case_is_forecast_by_those_that_got_as_far(marts):
    """Beyond day 1: 13 closed, the open on days 2, 5 and 20. S(5) = 14/16 · 10/13 · 6/10 · 4/6."""
    one = case_of(marts, "one")
    assert (one["forecast_state"], one["stratum_level"]) == ("forecast", "item_flow_type")
    assert (one["stratum_case_count"], one["at_risk_count"], one["elapsed_working_days"]) == (18, 16, 1)
    assert one["late_probability"] == pytest.approx(14 / 16 * 10 / 13 * 6 / 10 * 4 / 6)
    assert one["late_probability_lower"] < one["late_probability"] < one["late_probability_upper"]
    # 2/16 by day 2, 0.327 by day 3, 0.529 by day 4, 0.843 by day 7 and no more
    assert (one["expected_working_days"], one["is_expected_reached"]) == (3, True)
    assert one["expected_date"] == date(2025, 4, 3)
    assert (one["expected_date_p10"], one["expected_date_p90"]) == (date(2025, 4, 1), None)
    two = case_of(marts, "two")
    assert (two["at_risk_count"], two["expected_working_days"]) == (13, 3)
    assert two["late_probability"] == pytest.approx(4 / 13)


@through_dbt
def test_what_is_not_forecast_says_why(marts):
    states = {
        "late": ("overdue", "已逾期", 1),
        "last_day": ("last_day", "期限最后一天", None),
        "paused": ("paused", "暂停计时", None),
        "few": ("too_few_cases", "样本不足", None),
    }
    for name, expected in states.items():
        row = case_of(marts, name)
        assert (row["forecast_state"], row["forecast_name"], row["late_probability"]) == expected
        assert (row["expected_date"], row["is_expected_reached"], row["late_probability_upper"]) == (None, None, None)
    (open_cases,) = marts.execute("select count(*) as n from marts.fct_case_forecast").fetchall()
    assert open_cases["n"] == 6 + 2, "each open case with a promise, those of F among them"


@through_dbt
def test_a_held_out_month_is_judged_by_what_was_known_when_it_began(marts):
    """On 1 March ten cases of C stood at day 2; thirteen had got further: S(6) = 9/13 · 4/8, one open on day 4."""
    rows = marts.execute(
        "select * from marts.agg_forecast_calibration order by probability_from nulls first"
    ).fetchall()
    months = [row for row in rows if row["slice_kind"] != "bin"]
    assert sorted(row["slice_kind"] for row in months) == ["all", "month"]
    assert {(row["held_out_from"], row["held_out_to"]) for row in months} == {(date(2025, 3, 1), date(2025, 3, 1))}
    for row in (*months, next(row for row in rows if row["probability_from"] == 0.3)):
        assert (row["forecast_count"], row["late_count"], row["is_suppressed"]) == (10, 2, False)
        assert (row["predicted_share"], row["late_share"]) == pytest.approx((9 / 26, 0.2), abs=1e-6)
        assert row["brier_score"] in (None, pytest.approx((8 * 9**2 + 2 * 17**2) / 26**2 / 10, abs=1e-6))
        assert row["base_rate_brier_score"] in (None, pytest.approx(0.16))
    assert months[0]["excluded_by_reason"] == {"paused": 1, "too_few_cases": 1}
    assert all(row["brier_score"] for row in months), "a bin has no score"
    assert sum(row["forecast_count"] for row in rows if row["slice_kind"] == "bin") == 10


@through_dbt
def test_a_project_is_forecast_by_whole_lives_of_its_flow_type(marts):
    """Beyond day 3: ten finished after 10 or 20 days and one open at 12, besides the project of all other cases."""
    rows = {row["project_code"]: row for row in marts.execute("select * from marts.fct_project_forecast").fetchall()}
    young, old = rows["2017-330199-47-03-000010"], rows["2017-330199-47-03-000011"]
    assert (young["elapsed_working_days"], young["at_risk_count"]) == (3, 12)
    assert (young["forecast_state"], young["expected_working_days"]) == ("forecast", 17)
    # Tomb-Sweeping Day on 4 April; the Sunday before May Day is worked
    assert young["expected_date"] == date(2025, 4, 24)
    assert (old["elapsed_working_days"], old["forecast_state"], old["forecast_name"]) == (
        12,
        "too_few_projects",
        "样本不足",
    )
    assert old["expected_date"] is None and set(rows) == {young["project_code"], old["project_code"], PROJECT_CODE}


@through_dbt
def test_a_build_of_the_day_before_says_the_same_as_the_held_out_month(marts, settings):
    """The last test of the file: it builds the marts of another day in their place."""
    needed = [f"+{model}" for model in sorted(statistics.INPUTS)]
    build.build(settings, as_of=date(2025, 2, 28), select=" ".join(needed), with_tests=False)
    rows = {row["case_id"]: row for row in marts.execute("select * from marts.fct_case_forecast").fetchall()}
    found = {name: rows.pop(f"alpha:c-march{name}") for name in range(10)}
    for row in found.values():
        assert (row["forecast_state"], row["elapsed_working_days"], row["at_risk_count"]) == ("forecast", 2, 13)
        assert row["late_probability"] == pytest.approx(9 / 26)
    states = {case: (row["forecast_state"], row["elapsed_working_days"]) for case, row in rows.items()}
    assert states == {"alpha:c-paused": ("paused", 1), "alpha:c-day-four": ("too_few_cases", 4)}
