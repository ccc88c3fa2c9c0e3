"""What-if: 工程 whose other time is worked out by hand, what no scenario may do, and what is shown of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yidang.statistics import counterfactual, what_if
from yidang.statistics.counterfactual import (
    AS_IT_WAS,
    SIDE_BY_SIDE,
    TOGETHER,
    Scenario,
    Steps,
    closure,
    durations,
    union_days,
)
from yidang.statistics.observations import Stamp

ITEMS = ("A", "B", "C", "D", "E")
ORDERS = (AS_IT_WAS, SIDE_BY_SIDE, TOGETHER)
STAMP = Stamp(date(2026, 6, 30), "calendar", "rules")


@dataclass(frozen=True)
class Case:
    stage: int
    item: str | None
    start: int
    end: int
    pauses: tuple[tuple[int, int], ...] = ()
    cut: int = 0

    @property
    def at_work(self) -> list[tuple[int, int]]:
        found, begin = [], self.start
        for pause_begin, pause_end in (*self.pauses, (self.end, self.end)):
            found += [(begin, pause_begin)] if begin < pause_begin else []
            begin = pause_end
        return found


Requires = dict[str, str]  # item: the items that it requires


def ordered(works: list[Case]) -> list[Case]:
    return sorted(works, key=lambda case: (case.end, case.start))


def waited_for(cases: list[Case], place: int, requires: Requires) -> tuple[list[int], int]:
    """Places of the required ones decided by its acceptance, and how many were decided by then at all."""
    case = cases[place]
    before = [other for other in range(place) if cases[other].end <= case.start]
    required = set(requires.get(case.item, ""))
    return [other for other in before if cases[other].item in required], len(before)


def steps_of(works: list[list[Case]], requires: Requires) -> tuple[Steps, np.ndarray]:
    """As int_works_steps numbers them, and what is cut off each."""
    cases = [(number, place, case) for number, found in enumerate(works) for place, case in enumerate(ordered(found))]
    pairs, decided = [], []
    for step, (number, place, _) in enumerate(cases):
        required, count = waited_for(ordered(works[number]), place, requires)
        pairs += [(step, step - place + other) for other in required]
        decided.append(count)
    stretches = [(step, *span) for step, (_, _, case) in enumerate(cases) for span in case.at_work]
    direct = np.zeros((1, len(ITEMS), len(ITEMS)), bool)
    for item, required in requires.items():
        for other in required:
            direct[0, ITEMS.index(item), ITEMS.index(other)] = True
    column = {
        name: np.array([getattr(case, name) for _, _, case in cases]) for name in ("stage", "start", "end", "cut")
    }
    stretch_step, stretch_begin, stretch_end = np.array(stretches, dtype=int).reshape(-1, 3).T
    required_step, required_other = np.array(pairs, dtype=int).reshape(-1, 2).T
    return Steps(
        works=np.array([number for number, _, _ in cases]),
        place=np.array([place for _, place, _ in cases]),
        decided=np.array(decided),
        stage=column["stage"],
        item=np.array([ITEMS.index(case.item) if case.item else -1 for _, _, case in cases]),
        start=column["start"],
        end=column["end"],
        stretch_step=stretch_step,
        stretch_begin=stretch_begin,
        stretch_end=stretch_end,
        required_step=required_step,
        required_other=required_other,
        dependent=closure(direct),
        flow=np.zeros(len(works), int),
    ), column["cut"]


def time_of(works: list[Case], requires: Requires | None = None, order: int = AS_IT_WAS) -> tuple[int, int]:
    """Days at work and span of one 工程."""
    steps, cut = steps_of([works], requires or {})
    return tuple(durations(steps, [Scenario(cut, order)])[0, 0].tolist())


SERIAL = [Case(1, "A", 0, 5), Case(1, "B", 7, 13), Case(2, "C", 15, 20)]


# -- by hand ----------------------------------------------------------------------------------------------------------
def test_nothing_changed_is_what_was_measured():
    assert time_of(SERIAL) == (5 + 6 + 5, 20)


def test_side_by_side_the_wait_for_the_other_goes_and_all_other_waits_stay():
    # B handed in 7 days after day 0, on 5 of which A was at work: 2 to 8. C follows 2 days after: 10 to 15
    assert time_of(SERIAL, order=SIDE_BY_SIDE) == (8 + 5, 15)


def test_together_the_waits_between_them_go_too():
    # A 0 to 5, B 0 to 6, C 8 to 13
    assert time_of(SERIAL, order=TOGETHER) == (6 + 5, 13)


@pytest.mark.parametrize("requires", [{"B": "A"}, {"B": "D", "D": "A"}], ids=["itself", "through another"])
def test_what_is_required_is_waited_for(requires):
    for order in ORDERS:
        assert time_of(SERIAL, requires, order) == (16, 20)


def test_items_of_other_stages_the_same_item_and_unknown_ones_are_never_side_by_side():
    for first, second in ((Case(1, "A", 0, 5), Case(2, "B", 7, 9)), (Case(1, "A", 0, 5), Case(1, "A", 7, 9))):
        assert time_of([first, second], order=TOGETHER) == (7, 9)
    assert time_of([Case(1, None, 0, 5), Case(1, "B", 7, 9)], order=TOGETHER) == (7, 9)


def test_a_wait_for_what_is_required_is_shortened_by_what_else_was_at_work_in_it():
    # B requires C, granted on day 2; it came on day 10 because A of its stage was handled from 3 to 8
    works = [Case(1, "C", 0, 2), Case(2, "A", 3, 8), Case(2, "B", 10, 14)]
    assert time_of(works, {"A": "C", "B": "C"}, SIDE_BY_SIDE) == (2 + 6, 9)  # B 5 to 9 beside A 3 to 8
    assert time_of(works, {"A": "C", "B": "C"}, TOGETHER) == (2 + 5, 8)  # B 3 to 7


def test_a_case_within_its_promise_lets_the_next_begin_sooner():
    # A 0 to 3; B, two days later, 5 to 11; C, two days later, 13 to 18
    assert time_of([replace(SERIAL[0], cut=2), *SERIAL[1:]]) == (3 + 6 + 5, 18)


def test_days_are_cut_at_the_end_and_pauses_stay():
    paused = Case(1, "A", 0, 10, ((3, 7),))
    assert time_of([paused]) == (6, 10)
    assert time_of([replace(paused, cut=2)]) == (4, 8)
    assert time_of([replace(paused, cut=5)]) == (1, 5)
    assert time_of([replace(paused, cut=6)]) == (0, 4)


def test_the_slower_of_two_requirements_gives_way_to_the_other():
    works = [Case(1, "A", 0, 5), Case(1, "B", 0, 9, cut=6), Case(2, "C", 10, 12)]
    # B would be through on day 3, A is on day 5: C, one day after, 6 to 8
    assert time_of(works, {"C": "AB"}) == (5 + 2, 8)


def test_what_runs_beside_the_stages_is_not_counted():
    works = [*SERIAL, Case(5, "D", 14, 60)]
    assert [time_of(works, order=order) for order in ORDERS] == [time_of(SERIAL, order=order) for order in ORDERS]


def test_an_order_that_would_not_shorten_stays():
    # B lay beside C of stage 2, which waits for D alone: moved up to A, which is shorter, it would leave C alone
    works = [Case(1, "D", 0, 0), Case(1, "A", 0, 2), Case(1, "B", 10, 20), Case(2, "C", 10, 20)]
    assert time_of(works, {"C": "D"}, TOGETHER)[0] == time_of(works, {"C": "D"})[0] == 12


def test_days_of_several_stretches_count_once():
    found = union_days(np.array([1, 0, 1, 1]), np.array([4, 0, 0, 2]), np.array([6, 3, 3, 5]), 3)
    assert found.tolist() == [3, 6, 0]


# -- whatever the 工程 -----------------------------------------------------------------------------------------------
@st.composite
def cases(draw: st.DrawFn) -> Case:
    stage = draw(st.integers(0, 5))
    start, days = draw(st.integers(-10 if stage == 5 else 0, 30)), draw(st.integers(0, 12))
    pause = sorted(draw(st.tuples(st.integers(0, days), st.integers(0, days))))
    found = Case(
        stage,
        draw(st.sampled_from([*ITEMS, None])),
        start,
        start + days,
        ((start + pause[0], start + pause[1]),) if pause[0] < pause[1] else (),
    )
    at_work = sum(end - begin for begin, end in found.at_work)
    return replace(found, cut=draw(st.integers(0, at_work)) if 1 <= found.stage <= 4 else 0)


@st.composite
def some_works(draw: st.DrawFn) -> list[list[Case]]:
    """Each begins on day 0 with a case of stage 1; stage 5 may have begun before."""
    found = draw(st.lists(st.lists(cases(), max_size=7), min_size=1, max_size=4))
    return [[Case(1, "A", 0, 1), *works] for works in found]


requirements = st.dictionaries(st.sampled_from(ITEMS), st.sampled_from(["A", "B", "AC", "D"]), max_size=4)


def by_hand(works: list[Case], requires: Requires) -> tuple[int, int]:
    """The same with sets and loops, for scenarios that keep the order."""
    found, starts = ordered(works), []
    for place, case in enumerate(found):
        required, decided = waited_for(found, place, requires)
        others = required or range(decided)
        was = max((found[other].end for other in others), default=0)
        now = max(
            (starts[other] + found[other].end - found[other].start - found[other].cut for other in others), default=0
        )
        starts.append(now + case.start - was)
    days, last = set(), 0
    for case, start in zip(found, starts, strict=True):
        if 1 <= case.stage <= 4:
            own = [start - case.start + day for begin, end in case.at_work for day in range(begin + 1, end + 1)]
            days |= set(own[: len(own) - case.cut])
            last = max(last, start + case.end - case.start - case.cut)
    return len(days), last


@settings(deadline=None, max_examples=300)
@given(some_works(), requirements)
def test_it_is_what_sets_and_loops_make_of_it(works, requires):
    steps, cut = steps_of(works, requires)
    found = durations(steps, [Scenario(cut), Scenario(np.zeros_like(cut))])
    assert found[0].tolist() == [list(by_hand(one, requires)) for one in works]
    uncut = [[replace(case, cut=0) for case in one] for one in works]
    assert found[1].tolist() == [list(by_hand(one, requires)) for one in uncut]


@settings(deadline=None, max_examples=300)
@given(some_works(), requirements)
def test_unchanged_it_lies_where_it_lay_and_no_scenario_is_longer(works, requires):
    steps, cut = steps_of(works, requires)
    nothing = np.zeros_like(cut)
    scenarios = [Scenario(nothing, order) for order in ORDERS] + [Scenario(cut, order) for order in ORDERS]
    baseline, side_by_side, together, *cuts = durations(steps, scenarios)
    for one, (approval, span) in zip(works, baseline, strict=True):
        counted = [case for case in one if 1 <= case.stage <= 4]
        days = {day for case in counted for begin, end in case.at_work for day in range(begin, end)}
        assert (approval, span) == (len(days), max(case.end for case in counted))
    assert (side_by_side <= baseline).all() and (together <= baseline).all()
    span = counterfactual.SPAN
    assert (together[:, span] <= side_by_side[:, span]).all()
    assert all((found[:, span] <= baseline[:, span]).all() for found in cuts)
    assert all((found >= 0).all() for found in (side_by_side, together, *cuts))


def test_how_many_are_held_at_a_time_changes_nothing(monkeypatch):
    random = np.random.default_rng(3)
    works = [
        [Case(1, "A", 0, 1)]
        + [
            Case(int(stage), ITEMS[item], int(start), int(start + days), cut=int(days // 2))
            for stage, item, start, days in zip(
                *random.integers([[1], [0], [0], [0]], [[5], [5], [40], [9]], (4, n)), strict=True
            )
        ]
        for n in random.integers(0, 9, 60)
    ]
    steps, cut = steps_of(works, {"C": "AB"})
    scenarios = [Scenario(cut, order) for order in ORDERS]
    whole = durations(steps, scenarios)
    monkeypatch.setattr(counterfactual, "_CELLS", 100)
    assert (durations(steps, scenarios) == whole).all()


# -- what is shown of it ----------------------------------------------------------------------------------------------
def observed_of(
    works: list[list[Case]], *, projects: list[str] | None = None, measured_off: int = 0, unfinished: int = 0
) -> what_if.Observed:
    steps, cut = steps_of(works, {})
    through = pandas.DataFrame(
        {
            "works_code": [f"W{number:03}" for number in range(len(works))],
            "project_code": projects or [f"P{number:03}" for number in range(len(works))],
            "flow_type": "3",
        }
    )
    left_out = pandas.DataFrame({"flow_type": ["3"] * unfinished, "exclusion_reason": ["unfinished"] * unfinished})
    department = np.where(steps.item == ITEMS.index("B"), "beta", "alpha")
    return what_if.Observed(
        works=through,
        measured=durations(steps, [Scenario(np.zeros_like(cut))])[0].astype(float) + measured_off,
        left_out=left_out,
        steps=steps,
        over_promise=cut,
        over_quartile=np.where(steps.item == ITEMS.index("B"), 4.0, np.nan),
        department=pandas.Categorical(department),
    )


def rows_of(observed: what_if.Observed) -> dict[tuple[str, str, str], dict]:
    found = list(what_if._rows(observed, {("flow_type", "3"): "一般", ("department", "beta"): "乙局"}, STAMP))
    keys = {(row["slice"], row["scenario"], row["clock"]): row for row in found}
    assert len(keys) == len(found)
    return keys


LATE = [replace(SERIAL[0], cut=2), *SERIAL[1:]]


def test_ten_alike_have_no_interval_to_speak_of_and_carry_their_label():
    found = rows_of(observed_of([LATE] * 10, unfinished=11))
    baseline, promise = (found["flow_type", name, "approval"] for name in ("baseline", "promise"))
    assert [baseline[f"p50_{part}"] for part in ("days", "lower", "upper")] == [16, 16, 16]
    assert [promise[f"change_mean_{part}"] for part in ("days", "lower", "upper")] == [-2, -2, -2]
    assert (promise["measured_p50_days"], promise["baseline_error_days"], promise["shorter_works_count"]) == (16, 0, 10)
    assert promise["excluded_by_reason"] == {"unfinished": 11}
    assert promise["remark"] == "未完成的工程（11个）多于已完成的，只代表已完成的"
    department = found["flow_type", "department", "span"]
    assert (department["department_name"], department["p50_days"], department["change_p50_days"]) == ("乙局", 16, -4)
    assert {row["label"] for row in found.values()} == {"测算（模拟，不是实测）"}
    assert found["all", "promise", "span"]["p50_days"] == 18


def test_a_scenario_with_nothing_to_change_is_the_baseline():
    works = [[Case(1, "A", 0, days), Case(2, "C", days + 2, days + 9)] for days in range(1, 25)]
    found = rows_of(observed_of(works))
    assert {scenario for _, scenario, _ in found} == {"baseline", "parallel", "together", "promise"}
    columns = [f"{name}_{part}" for name in ("p50", "p80", "mean") for part in ("days", "lower", "upper")]
    for (part, _, clock), row in found.items():
        assert [row[name] for name in columns] == [found[part, "baseline", clock][name] for name in columns]
        assert [row[f"change_{name}"] for name in columns] == [0] * len(columns)
        assert row["p50_lower"] < row["p50_days"] < row["p50_upper"]


@pytest.mark.parametrize(
    ("size", "projects"), [(9, None), (30, [f"P{number % 9}" for number in range(30)])], ids=["工程", "projects"]
)
def test_a_small_sample_has_counts_and_no_figure(size, projects):
    for row in rows_of(observed_of([LATE] * size, projects=projects)).values():
        assert row["is_suppressed"] and not row["is_offered"] and row["remark"].startswith("样本不足")
        assert row["works_count"] == size
        shown = [
            name for name, value in row.items() if value is not None and name.endswith(("_days", "_lower", "_upper"))
        ]
        assert shown == []


def test_a_department_with_few_工程_has_no_row():
    works = [LATE] * 9 + [[Case(1, "A", 0, 5)]] * 3
    assert ("all", "department", "approval") not in rows_of(observed_of(works))


def test_where_the_present_is_missed_nothing_is_offered():
    found = rows_of(observed_of([LATE] * 12, measured_off=2))
    baseline, promise = (found["all", name, "approval"] for name in ("baseline", "promise"))
    assert (baseline["p50_days"], baseline["measured_p50_days"], baseline["baseline_error_days"]) == (16, 18, 2)
    assert baseline["differing_works_count"] == 12
    assert (promise["is_offered"], promise["p50_days"], promise["change_mean_days"]) == (False, None, None)
    assert "超过允许误差" in promise["remark"]
    # a day is near enough
    assert rows_of(observed_of([LATE] * 12, measured_off=1))["all", "promise", "approval"]["is_offered"]


def test_projects_come_and_go_whole():
    """Two 工程 of a project say no more than one: the interval is that of the projects."""
    works = [[Case(1, "A", 0, days)] for days in range(1, 41)]
    twice = [one for one in works for _ in range(2)]
    alone = rows_of(observed_of(works))["all", "baseline", "span"]
    paired = rows_of(observed_of(twice, projects=[f"P{number // 2:03}" for number in range(80)]))[
        "all", "baseline", "span"
    ]
    assert paired["mean_days"] == alone["mean_days"]
    assert (paired["mean_lower"], paired["mean_upper"]) == (alone["mean_lower"], alone["mean_upper"])


@given(st.lists(st.integers(0, 400), min_size=10, max_size=60), st.integers(0, 5))
def test_a_replicate_is_the_percentile_of_what_was_drawn(days, seed):
    counts = np.random.default_rng(seed).integers(0, 3, (3, len(days)))
    counts[:, 0] += 1
    for found, drawn in zip(what_if._of_counts(np.sort(days), counts), counts, strict=True):
        values = np.repeat(np.sort(days), drawn)
        assert found == pytest.approx([*np.quantile(values, [0.5, 0.8]), values.mean()])
