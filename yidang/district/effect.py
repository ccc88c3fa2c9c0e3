"""The true effect of the planted reform: the same worlds with and without it, case by case.

A reform shortens the work on a case; what a department's books show is whole net working days, with queues and joint
handling in between. So the effect on those days is taken from pairs of worlds of one seed: every project, 工程 and case
draws the same fate in both (see simulate), and only the reform differs.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date
from statistics import fmean

from yidang.district.model import Case, World
from yidang.district.simulate import simulate
from yidang.district.worktime import DAY, WorkTime

# Cases accepted so shortly before the end may be unfinished in one world and finished in the other.
_UNSETTLED = 100 * DAY
_PAUSES = (("special_start", "special_end"), ("correction_requested", "correction_received"))
ALL = "all"


def without_reform(seed: int, projects: int, start: date, end: date) -> World:
    """The twin of the world that simulate() makes of the same arguments."""
    return simulate(seed, projects, start, end, reforms={})


def reform_effect(twins: Iterable[tuple[World, World]], cap: int) -> dict[str, float]:
    """Mean of min(net working days, cap) with the reform less without, by reformed item and for all of them (ALL).

    twins: worlds with their twins without reform. Counted are the cases that came under the reform and were accepted
    long enough before the end, and withdrawn in neither world.
    """
    differences: dict[str, list[int]] = defaultdict(list)
    for world, other in twins:
        without = _cases(other)
        for key, case in _cases(world).items():
            twin = without.get(key)
            if case.version == 1 or twin is None or not (_is_settled(case, world) and _is_settled(twin, other)):
                continue
            days, otherwise = (min(net_days(each, world.time, world.time.horizon), cap) for each in (case, twin))
            differences[case.item.code].append(days - otherwise)
    effects = {code: fmean(found) for code, found in sorted(differences.items())}
    return effects | {ALL: fmean([each for found in differences.values() for each in found])}


def net_days(case: Case, time: WorkTime, until: int) -> int:
    """Working days from acceptance to the end (or the moment `until`), without pauses, as the promise clock counts."""
    end = until - 1 if case.ended is None else min(case.ended, until - 1)
    paused: set[int] = set()
    for kinds in _PAUSES:
        for first, last in case.spans(*kinds):
            if first >= case.accepted:
                paused.update(range(first // DAY + 1, min(end if last is None else last, end) // DAY + 1))
    return time.working_days_between(case.accepted, end) - sum(time.is_working_day(day * DAY) for day in paused)


def _cases(world: World) -> dict[tuple[str, str, int], Case]:
    """By 工程, item and attempt: what names the same case in both worlds."""
    attempts: Counter[tuple[str, str]] = Counter()
    found = {}
    for case in world.cases:
        place = (case.works.code, case.item.code)
        attempts[place] += 1
        found[*place, attempts[place]] = case
    return found


def _is_settled(case: Case, world: World) -> bool:
    is_long_ago = case.accepted is not None and case.accepted < world.time.horizon - _UNSETTLED
    return is_long_ago and case.outcome != "withdrawn"
