"""The estimators of rules C3: by hand, against a second implementation, against simulated truth."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from datetime import date

import numpy as np
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.duration.survfunc import CumIncidenceRight, SurvfuncRight

from yidang.district import effect
from yidang.district.catalogue import ITEMS, REFORM_DATE, REFORMS
from yidang.district.model import World
from yidang.district.simulate import simulate
from yidang.district.worktime import DAY
from yidang.statistics import cohorts, reforms
from yidang.statistics.change import (
    BASE,
    NOW,
    Change,
    Cohorts,
    Groups,
    caps,
    compare,
    percentile_interval,
    resample,
)
from yidang.statistics.cohorts import Windows
from yidang.statistics.incidence import (
    LATE,
    ON_TIME,
    OPEN,
    WITHDRAWN,
    _variance,
    capped_mean,
    censoring_weights,
    cumulative_incidence,
    interval,
    percentile_day,
)
from yidang.statistics.observations import Stamp
from yidang.statistics.speed import CAP_DAYS
from yidang.wilson import wilson

cases_of_a_group = st.lists(st.tuples(st.integers(0, 12), st.integers(ON_TIME, OPEN)), min_size=1, max_size=80)


def counts_of(cases: list[tuple[int, int]], days: int = 15) -> np.ndarray:
    counts = np.zeros((days + 1, 4))
    for day, end in cases:
        counts[day, end] += 1
    return counts


# -- the curve ----------------------------------------------------------------------------------------------------
def test_a_curve_worked_out_by_hand():
    """Ten cases: day 1 two decided; day 2 one withdrawn, one open; day 4 two decided, one open; day 9 three decided."""
    cases = [(1, ON_TIME)] * 2 + [(2, WITHDRAWN), (2, OPEN)] + [(4, ON_TIME), (4, LATE), (4, OPEN)] + [(9, LATE)] * 3
    curves = cumulative_incidence(counts_of(cases))
    # S: 1 · 8/10 · 7/8 · 4/6 · 0/3
    assert curves.pending[[0, 1, 2, 4, 9]] == pytest.approx([1, 0.8, 0.7, 0.7 * 4 / 6, 0])
    assert curves.withdrawn[-1] == pytest.approx(0.8 * 1 / 8)
    assert curves.decided[[1, 3, 4, 9]] == pytest.approx([0.2, 0.2, 0.2 + 0.7 * 2 / 6, 0.9])
    assert curves.on_time[-1] == pytest.approx(0.2 + 0.7 * 1 / 6)
    assert percentile_day(curves.decided, 0.5) == 9
    assert np.isnan(percentile_day(curves.decided, 0.95)), "one in ten was withdrawn: never reached"
    # 1 − Kaplan–Meier ends at 1, as if the withdrawn one would still be decided
    assert curves.kaplan_meier[-1] == pytest.approx(1)


@settings(deadline=None)
@given(cases_of_a_group)
def test_it_agrees_with_a_second_implementation(cases: list[tuple[int, int]]):
    """statsmodels counts from day 1; ours from day 0. Ties are the rule in whole days, and both take them exactly."""
    day, end = np.array(cases).T
    status = np.array([1, 1, 2, 0])[end]
    if not {1, 2} <= set(status):
        return
    counts = counts_of(cases)
    curves = cumulative_incidence(counts)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # it divides by zero where the last case ends
        other = CumIncidenceRight(day + 1.0, status)
        km = SurvfuncRight(day + 1.0, (status == 1).astype(int))
    place = other.times.astype(int) - 1
    assert curves.decided[place] == pytest.approx(other.cinc[0])
    assert curves.withdrawn[place] == pytest.approx(other.cinc[1])
    assert 1 - curves.kaplan_meier[km.surv_times.astype(int) - 1] == pytest.approx(km.surv_prob)
    known = np.isfinite(other.cinc_se[0])
    assert np.sqrt(_variance(curves.decided, counts, (ON_TIME, LATE)))[place][known] == pytest.approx(
        other.cinc_se[0][known], abs=1e-7
    )


@settings(deadline=None)
@given(cases_of_a_group)
def test_curves_are_shares_that_add_up_and_their_bands_hold_them(cases: list[tuple[int, int]]):
    counts = counts_of(cases)
    curves = cumulative_incidence(counts)
    assert curves.decided + curves.withdrawn + curves.pending == pytest.approx(np.ones(16))
    assert (np.diff(curves.decided) >= -1e-12).all() and (curves.kaplan_meier >= curves.decided - 1e-9).all()
    lower, upper = interval(curves.decided, counts)
    assert (lower <= curves.decided + 1e-9).all() and (curves.decided <= upper + 1e-9).all()
    assert (lower >= 0).all() and (upper <= 1).all()
    weighted = np.cumsum(censoring_weights(counts) * counts[:, :WITHDRAWN].sum(-1)) / len(cases)
    assert weighted == pytest.approx(curves.decided)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.sampled_from((ON_TIME, LATE, WITHDRAWN))), min_size=1))
def test_without_open_cases_it_is_plain_counting(cases: list[tuple[int, int]]):
    counts = counts_of(cases)
    curves = cumulative_incidence(counts)
    decided = np.cumsum(counts[:, :WITHDRAWN].sum(-1)) / len(cases)
    assert curves.decided == pytest.approx(decided)
    share = wilson(decided, np.full(16, len(cases)))
    assert interval(curves.decided, counts).upper == pytest.approx(share.upper)
    kept = [min(day, 10) for day, end in cases if end != WITHDRAWN or day >= 10]
    assert capped_mean(curves, 10) == pytest.approx(np.mean(kept) if kept else np.nan, nan_ok=True)


def test_the_band_covers_the_truth_when_half_the_cases_are_still_open():
    """2 000 samples of 60 cases: a geometric number of days, one in five withdrawn, censored at random."""
    random = np.random.default_rng(5)
    decided, withdrawn, n = 0.16, 0.04, 60
    truth = 0.8 * (1 - 0.8 ** np.arange(1, 17))
    end_day = random.geometric(decided + withdrawn, (2000, n)) - 1
    end = np.where(random.random((2000, n)) < 0.8, ON_TIME, WITHDRAWN)
    seen_until = random.integers(0, 9, (2000, n))
    end = np.where(end_day > seen_until, OPEN, end)
    day = np.minimum(np.minimum(end_day, seen_until), 15)
    assert 0.3 < (end == OPEN).mean() < 0.6
    counts = np.zeros((2000, 16, 4))
    np.add.at(counts, (np.arange(2000)[:, None], day, end), 1)
    lower, upper = interval(cumulative_incidence(counts).decided, counts)
    covered = ((lower <= truth) & (truth <= upper))[:, [1, 3, 5]].mean(0)
    assert (covered > 0.93).all(), covered


def test_an_unfollowed_cohort_has_no_mean():
    curves = cumulative_incidence(counts_of([(1, ON_TIME)] * 8 + [(3, OPEN)] * 4))
    assert np.isnan(capped_mean(curves, 10))
    assert capped_mean(curves, 3) == pytest.approx((8 * 1 + 4 * 3) / 12)


# -- change ---------------------------------------------------------------------------------------------------------
def cohorts_of(cases: list[tuple[int, int, int, int]], projects: list[int] | None = None) -> Cohorts:
    """cases: (stratum, period, day, end)."""
    stratum, period, day, end = np.array(cases).T
    project = np.arange(len(cases)) if projects is None else np.array(projects)
    return Cohorts(stratum, period, project, day, end, np.ones(len(cases)))


def change_of(found: Cohorts, groups: Groups, cap: int = 15) -> Change:
    counts = found.counts(cap)
    return compare(counts, groups, caps(counts, groups))


whole_district = Groups.of([(0, 0), (0, 1), (0, 2)])
cases_of_two_cohorts = st.lists(
    st.tuples(st.integers(0, 2), st.integers(BASE, NOW), st.integers(0, 14), st.integers(ON_TIME, OPEN)),
    min_size=1,
    max_size=120,
).map(lambda found: [*found, *((stratum, period, 3, ON_TIME) for stratum in range(3) for period in (BASE, NOW))])


@settings(deadline=None)
@given(cases_of_two_cohorts)
def test_mix_and_rate_are_the_crude_change_and_its_means_are_the_area_over_the_curve(cases):
    found = cohorts_of(cases)
    counts = found.counts(15)
    change = change_of(found, whole_district)
    assert change.mix + change.rate == pytest.approx(change.now - change.base)
    cap = int(caps(counts, whole_district)[0])
    if cap:
        means = capped_mean(cumulative_incidence(counts.sum(0)), cap)
        assert [change.base[0], change.now[0]] == pytest.approx(means)


def test_a_stratum_that_only_one_cohort_has_is_mix():
    cases = [(0, BASE, 4, ON_TIME), (1, BASE, 8, ON_TIME), (0, NOW, 4, ON_TIME), (2, NOW, 1, ON_TIME)]
    change = change_of(cohorts_of(cases), whole_district)
    assert (change.base[0], change.now[0], change.rate[0], change.mix[0]) == (6, 2.5, 0, -3.5)
    assert (change.standardised_base[0], change.standardised_now[0], change.covered[0]) == (4, 4, 0.5)


def test_every_department_faster_and_the_district_slower():
    """Simpson: 80 short and 20 long cases become 20 and 80, each kind a day faster. The standardised change says so."""
    base = [(0, BASE, 3, ON_TIME)] * 80 + [(1, BASE, 10, ON_TIME)] * 20
    now = [(0, NOW, 2, ON_TIME)] * 20 + [(1, NOW, 9, ON_TIME)] * 80
    change = change_of(cohorts_of(base + now), Groups.of([(0, 0), (0, 1), (1, 0), (2, 1)]))
    assert (change.now - change.base) == pytest.approx([3.2, -1, -1])
    assert change.standardised_now - change.standardised_base == pytest.approx([-1, -1, -1])
    assert (change.rate[0], change.mix[0]) == pytest.approx((-1, 4.2))


def test_open_cases_are_not_dropped_from_a_mean():
    """Of ten accepted on one day, seven were decided after 2 days and three are open after 9: their mean is not 2."""
    cases = [(0, BASE, 2, ON_TIME)] * 10 + [(0, NOW, 2, ON_TIME)] * 7 + [(0, NOW, 9, OPEN)] * 3
    found = cohorts_of(cases)
    assert caps(found.counts(15), Groups.of([(0, 0)])).tolist() == [9], "nobody was followed for longer"
    change = change_of(found, Groups.of([(0, 0)]))
    assert change.now[0] == pytest.approx((7 * 2 + 3 * 9) / 10)


def _difference(change: Change) -> np.ndarray:
    return change.now - change.base


def test_projects_are_drawn_whole_and_the_same_each_time():
    """Ten cases of a project that all take as long are one observation, not ten."""
    random = np.random.default_rng(3)
    days = np.repeat(random.integers(1, 12, 40), 10)
    cases = [(0, place % 2, day, ON_TIME) for place, day in zip(np.repeat(np.arange(40), 10), days, strict=True)]
    together, apart = cohorts_of(cases, projects=np.repeat(np.arange(40), 10)), cohorts_of(cases)
    groups, cap = Groups.of([(0, 0)]), np.array([15])
    widths = []
    for found in (together, apart):
        first, again = (resample(found, groups, cap, _difference, replicates=300, seed=1) for _ in range(2))
        assert (first == again).all()
        lower, upper = percentile_interval(first)
        widths.append((upper - lower)[0])
    assert widths[0] > 2.5 * widths[1]


def test_the_interval_of_a_change_covers_the_true_one():
    """200 samples: 60 projects of one to three cases with a common pace, half of the later cases still open."""
    random = np.random.default_rng(11)
    covered = 0
    for _ in range(200):
        size = random.integers(1, 4, 60)
        project = np.repeat(np.arange(60), size)
        period = np.repeat(random.integers(0, 2, 60), size)
        pace = np.repeat(random.lognormal(0, 0.3, 60), size)
        mean = np.where(period == NOW, 3.0, 5.0)
        true_day = np.minimum(random.poisson(mean * pace), 15)
        seen = np.where(period == NOW, random.integers(0, 16, len(project)), 15)
        end = np.where(true_day > seen, OPEN, ON_TIME)
        found = Cohorts(np.zeros_like(project), period, project, np.minimum(true_day, seen), end, np.ones(len(project)))
        drawn = resample(found, Groups.of([(0, 0)]), np.array([15]), _difference, replicates=200, seed=1)
        lower, upper = percentile_interval(drawn)
        covered += lower[0] <= -2 * np.exp(0.3**2 / 2) <= upper[0]
    assert covered >= 182, covered


# -- months ---------------------------------------------------------------------------------------------------------
def test_months_that_are_not_over_are_cut_on_both_sides():
    year = Windows(date(2024, 1, 1), date(2024, 12, 1), date(2025, 1, 1), date(2025, 12, 1))
    assert year.cut(date(2025, 9, 30)) == Windows(
        date(2024, 1, 1), date(2024, 9, 1), date(2025, 1, 1), date(2025, 9, 1)
    )
    assert year.cut(date(2025, 9, 29)).now_to == date(2025, 8, 1)
    assert year.cut(date(2026, 6, 30)) == year
    assert year.cut(date(2025, 1, 30)) is None


def test_a_reform_within_a_month_is_compared_from_the_next_one():
    assert reforms.windows_of(date(2025, 3, 1)).now_from == date(2025, 3, 1)
    windows = reforms.windows_of(date(2025, 3, 17))
    assert (windows.now_from, windows.now_to) == (date(2025, 4, 1), date(2026, 3, 1))
    assert (windows.base_from, windows.base_to) == (date(2024, 4, 1), date(2025, 3, 1))


# -- the truth ------------------------------------------------------------------------------------------------------
START, END, PROJECTS = date(2022, 1, 2), date(2026, 2, 28), 200


def observed_of(world: World, as_of: date) -> pandas.DataFrame:
    """A simulated world as cohorts.read gives a built one: accepted cases with their days as of a day."""
    until = world.time.second(as_of) + DAY

    def rows() -> Iterator[dict]:
        for case in world.cases:
            if case.accepted is not None and case.accepted < until:
                month = world.time.moment(case.accepted // DAY * DAY).replace(day=1)
                outcome = case.outcome if case.ended is not None and case.ended < until else "open"
                state = {"passed": "decided_on_time", "denied": "decided_late"}.get(outcome, outcome)
                days = effect.net_days(case, world.time, until)
                yield {
                    "cohort_month": month,
                    "department_id": case.item.department,
                    "item_code": case.item.code,
                    "item_version": str(case.version),
                    "flow_type": str(case.project.flow_type),
                    "project_key": case.project.code,
                    "state": state,
                    "day": days,
                    "cases": 1,
                }

    return pandas.DataFrame(rows())


def test_the_interval_holds_the_planted_effect_in_nine_of_ten_worlds(monkeypatch):
    """The estimator alone, on 30 simulated worlds; benchmarks/truth.py takes them through the whole path."""
    monkeypatch.setattr(cohorts, "REPLICATES", 200)  # half of a build's, for time
    world = (PROJECTS, START, END)
    worlds = [simulate(seed, *world) for seed in range(30)]
    truth = effect.reform_effect(((worlds[seed], effect.without_reform(seed, *world)) for seed in range(12)), CAP_DAYS)
    assert -2.3 < truth["ZJ01"] < -1.7 and -0.8 < truth["ZJ03"] < -0.4
    versions = pandas.DataFrame(
        {
            "item_code": list(REFORMS),
            "department_id": [ITEMS[code].department for code in REFORMS],
            "reform_date": pandas.Timestamp(REFORM_DATE),
            "version_before": "1",
            "version_after": "2",
            "promised_before": 9,
            "promised_after": [reform.promised for reform in REFORMS.values()],
        }
    )
    found = {item: 0 for item in truth}
    for made in worlds:
        for row in reforms.effects(observed_of(made, END), versions, {}, Stamp(END, "", "")):
            found[row["item_code"]] += row["effect_lower"] <= truth[row["item_code"]] <= row["effect_upper"]
    assert found[effect.ALL] >= 27
    assert sum(found[item] for item in REFORMS) >= 0.9 * 30 * len(REFORMS), found
