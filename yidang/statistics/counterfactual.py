"""The time a 工程 would have taken: its own days, put anew on what its items really wait for.

Nothing is drawn at random. Every case keeps its days at work, its pauses and the wait before it; a scenario takes days
off some of them or lets go of a wait that nothing required, and each later case begins that much sooner, by the longest
way through what it waits for. With nothing changed every case lies where it lay. Days are working days of the
calendar, counted from the first acceptance of the 工程 in stages 1 to 4.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

APPROVAL, SPAN = 0, 1
CLOCKS = ("approval", "span")
AS_IT_WAS, SIDE_BY_SIDE, TOGETHER = range(3)
# Cells (工程 × steps × steps) that are held at a time.
_CELLS = 4_000_000
_NEVER = -(1 << 30)
_LAST_STAGE = 4


@dataclass(frozen=True)
class Steps:
    """Decided cases of 工程, in arrays of one length, sorted by (works, place).

    works: numbers from 0, each with a step of stages 1 to 4. place: from 0 in the order of ends.
    decided: so many of the first places were decided by its acceptance; read only where nothing required was granted.
    stage: 0 if not known. item: a row of `dependent`, or -1. start, end: days.
    stretch_*: each stretch of days at work (begin, end] and its step, sorted by both.
    required_*: pairs, a step and one that it had to wait for.
    dependent: (flow types, items, items), whether one has to wait for the other, at any remove. flow: by works.
    """

    works: np.ndarray
    place: np.ndarray
    decided: np.ndarray
    stage: np.ndarray
    item: np.ndarray
    start: np.ndarray
    end: np.ndarray
    stretch_step: np.ndarray
    stretch_begin: np.ndarray
    stretch_end: np.ndarray
    required_step: np.ndarray
    required_other: np.ndarray
    dependent: np.ndarray
    flow: np.ndarray

    @property
    def is_sequential(self) -> np.ndarray:
        """What runs beside them (stage 5) is not counted, and nothing is cut off it."""
        return (self.stage >= 1) & (self.stage <= _LAST_STAGE)


@dataclass(frozen=True)
class Scenario:
    """cut: days at work taken off each step, at its end; its pauses stay.

    order: AS_IT_WAS, or of items of one stage of which none has to wait for the other SIDE_BY_SIDE (days on which one
    waited while another was at work go, all other waits stay) or TOGETHER (accepted with the first of them: all waits
    between them go). A 工程 whose time that would not shorten keeps its order: days that lay beside those of another
    stage may come to lie alone.
    """

    cut: np.ndarray
    order: int = AS_IT_WAS


def durations(steps: Steps, scenarios: list[Scenario]) -> np.ndarray:
    """(scenarios, works, clocks): union of the days at work, and days to the last decision, both of stages 1 to 4."""
    reordered = [number for number, scenario in enumerate(scenarios) if scenario.order != AS_IT_WAS]
    found = _durations(steps, [*scenarios, *(replace(scenarios[number], order=AS_IT_WAS) for number in reordered)])
    wanted, kept = found[: len(scenarios)], found[len(scenarios) :]
    wanted[reordered] = np.minimum(wanted[reordered], kept)
    return wanted


def closure(direct: np.ndarray) -> np.ndarray:
    """Whether one item has to wait for another, through others too, either way round. direct: (flows, items, items)."""
    reached = direct.copy()
    for through in range(direct.shape[-1]):
        reached |= reached[:, :, through, None] & reached[:, None, through, :]
    return reached | reached.swapaxes(1, 2)


def union_days(group: np.ndarray, begin: np.ndarray, end: np.ndarray, groups: int) -> np.ndarray:
    """Days in any of the stretches (begin, end] of each group from 0."""
    order = np.lexsort((begin, group))
    group, begin, end = group[order], begin[order], end[order]
    if not len(group):
        return np.zeros(groups, int)
    # one line of time for all groups, one after the other, so that the latest end so far is one running maximum
    shift = group * (int(end.max() - begin.min()) + 1)
    latest = np.maximum.accumulate(end + shift)
    covered = np.concatenate(([begin[0] + shift[0]], latest[:-1]))
    days = np.maximum(end + shift - np.maximum(begin + shift, covered), 0)
    return np.bincount(group, days, groups).astype(int)


def _durations(steps: Steps, scenarios: list[Scenario]) -> np.ndarray:
    starts = np.empty((len(scenarios), len(steps.works)), int)
    for chosen, block in _blocks(steps):
        networks = {order: _network(steps, block, order) for order in {scenario.order for scenario in scenarios}}
        for number, scenario in enumerate(scenarios):
            starts[number, chosen] = _scheduled(networks[scenario.order], block, steps.end - scenario.cut - steps.start)
    return np.stack([_clocks(steps, start, one.cut) for start, one in zip(starts, scenarios, strict=True)])


@dataclass(frozen=True)
class _Block:
    """Some 工程 in a rectangle, 工程 × places. step: of each cell. is_there: whether the 工程 has so many."""

    step: np.ndarray
    is_there: np.ndarray


@dataclass(frozen=True)
class _Network:
    """waits: (works, step, other). lag: days from the latest that it waits for, else from day 0, to its acceptance."""

    waits: np.ndarray
    lag: np.ndarray


def _blocks(steps: Steps) -> Iterator[tuple[np.ndarray, _Block]]:
    """工程 of about as many steps together; and the steps of a block, in the order of its cells that are there."""
    counts = np.bincount(steps.works)
    first = np.cumsum(counts) - counts
    by_count = np.argsort(counts, kind="stable")
    done = 0
    while done < len(by_count):
        # the last has the most steps; as many as fit beside it
        taken = by_count[done:]
        fits = np.arange(1, len(taken) + 1) * counts[taken] ** 2 <= _CELLS
        taken = taken[: max(int(fits.sum()), 1)]
        done += len(taken)
        places = np.arange(counts[taken[-1]])
        is_there = places < counts[taken, None]
        step = np.where(is_there, first[taken, None] + places, 0)
        yield step[is_there], _Block(step, is_there)


def _network(steps: Steps, block: _Block, order: int) -> _Network:
    cells = block.step
    start, end = steps.start[cells], steps.end[cells]
    waits = np.zeros((*cells.shape, cells.shape[1]), bool)
    # a block has few of all pairs: its rows are found by the steps they belong to
    row_of = np.full(len(steps.works), -1)
    row_of[cells[block.is_there]] = np.nonzero(block.is_there)[0]
    pairs = np.flatnonzero(row_of[steps.required_step] >= 0)
    step, other = steps.required_step[pairs], steps.required_other[pairs]
    waits[row_of[step], steps.place[step], steps.place[other]] = True
    has_required = waits.any(2)
    by_practice = np.arange(cells.shape[1]) < np.where(has_required, 0, steps.decided[cells])[:, :, None]
    if order == AS_IT_WAS:
        waits |= by_practice
        return _Network(waits, start - _ready(waits, end))
    beside = _beside(steps, block)
    waits |= by_practice & ~beside
    ready = _ready(waits, end)
    beside &= end[:, None, :] <= start[:, :, None]
    if order == TOGETHER:
        first = np.where(beside, start[:, None, :], start[:, :, None]).min(2)
        return _Network(waits, np.where(beside.any(2), np.maximum(first - ready, 0), start - ready))
    row, place, other = np.nonzero(beside)
    begins, ends = np.maximum(start[row, other], ready[row, place]), end[row, other]
    cell = row * cells.shape[1] + place
    is_some = ends > begins
    waited = union_days(cell[is_some], begins[is_some], ends[is_some], cells.size).reshape(cells.shape)
    return _Network(waits, start - ready - waited)


def _beside(steps: Steps, block: _Block) -> np.ndarray:
    """(works, step, other): of one stage from 1 to 4, the other numbered before, neither has to wait for the other."""
    cells = block.step
    item, stage = steps.item[cells], steps.stage[cells]
    found = np.tri(cells.shape[1], k=-1, dtype=bool) & block.is_there[:, :, None]
    found = found & (stage[:, :, None] == stage[:, None, :]) & steps.is_sequential[cells][:, :, None]
    known = item >= 0
    found &= known[:, :, None] & known[:, None, :] & (item[:, :, None] != item[:, None, :])
    flow = steps.flow[steps.works[cells[:, 0]]][:, None, None]
    return found & ~steps.dependent[flow, item[:, :, None], item[:, None, :]]


def _ready(waits: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The latest end of what each step waits for; day 0 where it waits for nothing."""
    latest = np.where(waits, end[:, None, :], _NEVER).max(2)
    return np.where(latest == _NEVER, 0, latest)


def _scheduled(network: _Network, block: _Block, run: np.ndarray) -> np.ndarray:
    """The day each step of the block begins. run: days from beginning to end, by step."""
    end = np.full(block.step.shape, _NEVER)
    start = np.empty(block.step.shape, int)
    runs = run[block.step]
    for place in range(end.shape[1]):
        latest = np.where(network.waits[:, place, :], end, _NEVER).max(1)
        start[:, place] = np.where(latest == _NEVER, 0, latest) + network.lag[:, place]
        end[:, place] = start[:, place] + runs[:, place]
    return start[block.is_there]


def _clocks(steps: Steps, start: np.ndarray, cut: np.ndarray) -> np.ndarray:
    works = len(steps.flow)
    counted = steps.is_sequential
    last = np.full(works, _NEVER)
    np.maximum.at(last, steps.works[counted], (start + steps.end - steps.start - cut)[counted])
    step = steps.stretch_step
    length = steps.stretch_end - steps.stretch_begin
    at_work = np.bincount(step, length, len(start)).astype(int)
    before = np.cumsum(length) - length
    before -= (np.cumsum(at_work) - at_work)[step]
    # the first days at work stay where they were in the case, what is cut is cut at its end
    kept = np.clip((at_work - cut)[step] - before, 0, length)
    begin = steps.stretch_begin + (start - steps.start)[step]
    chosen = counted[step] & (kept > 0)
    approval = union_days(steps.works[step][chosen], begin[chosen], (begin + kept)[chosen], works)
    return np.stack([approval, last], axis=-1)
