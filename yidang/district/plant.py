"""Faults with a known answer, planted into a finished world: what a truth test must find again."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from yidang.district.catalogue import DEPARTMENTS
from yidang.district.model import Case, World
from yidang.district.worktime import DAY

STANDARD_SPEAKERS = ("zigui", "zhujian")
BYPASS_ITEMS = ("ZG02", "ZG04", "ZJ03")


def plant(world: World) -> None:
    """Give every case its code and plant the faults. world.planted then names, by kind:

    backfilled: cases keyed in only after their decision (补录); bypass: permits given outside the system (体外循环);
    withheld: passed cases whose finishing event was never sent; order_breaks: cases decided before a required earlier
    item (逆序), order_breaks_excused: those of them granted under 容缺; duplicate_projects: project codes registered
    twice; unlinked: cases that carry no usable project code; same_day_tolerant (as many as world.sizes says):
    construction permits granted under 容缺 on the day they were applied for.
    """
    _number(world)
    random = Random(f"{world.seed}:planted")
    count = len(world.cases)
    taken = set(_same_day(world))
    world.planted["same_day_tolerant"] = sorted(case.code for case in taken)

    def choose(kind: str, share: int, suits: Callable[[Case], bool]) -> list[Case]:
        pool = [case for case in world.cases if case not in taken and suits(case)]
        chosen = random.sample(pool, min(len(pool), max(2, count // share)))
        taken.update(chosen)
        for case in chosen:
            case.planted = kind
        world.planted[kind] = sorted(case.code for case in chosen)
        return chosen

    latest = world.time.horizon - 30 * DAY
    for case in choose("backfilled", 150, lambda case: case.is_passed and case.ended < latest):
        _backfill(case, world, random)
    choose("bypass", 300, lambda case: case.is_passed and case.item.code in BYPASS_ITEMS)
    choose("withheld", 250, lambda case: case.is_passed and case.item.department in STANDARD_SPEAKERS)
    choose("unlinked", 400, lambda case: case.item.department in ("fagai", "shuiwu", "shengtai"))
    breaks = sorted(_order_breaks(world), key=lambda case: case.code)
    world.planted["order_breaks"] = [case.code for case in breaks]
    world.planted["order_breaks_excused"] = [case.code for case in _excuse(breaks, taken)]
    twice = random.sample(world.projects, min(len(world.projects), max(2, len(world.projects) // 40)))
    world.planted["duplicate_projects"] = sorted(project.code for project in twice)


def _number(world: World) -> None:
    """Case codes in the order of receipt, one series per department; document numbers for what was granted."""
    serials = dict.fromkeys(DEPARTMENTS, 0)
    for case in world.cases:
        department = DEPARTMENTS[case.item.department]
        serials[department.id] += 1
        serial = serials[department.id]
        year = world.time.moment(case.received).year
        case.code = f"{department.prefix}{year}{serial:07d}"
        if case.is_passed:
            case.document_number = f"云示{department.prefix}〔{year}〕{serial}号"


def _same_day(world: World) -> list[Case]:
    """Construction permits applied for, accepted and granted on one day though papers are still missing (容缺)."""
    plain = [
        case
        for case in world.cases
        if case.item.code == "ZJ03" and case.is_passed and case.received >= world.since
        if [event.kind for event in case.events] == ["received", "accepted", "department_started", "decided_pass"]
        if case.received // DAY == case.accepted // DAY and world.time.is_working_day(case.received)
    ]
    chosen = plain[: world.sizes.get("same_day_tolerant", 0)]
    for case in chosen:
        _, accepted, *following = case.events
        for minutes, event in zip((10, 30), following, strict=True):
            keyed_after = event.recorded - event.at
            event.at = accepted.at + 60 * minutes
            event.recorded = event.at + keyed_after
        case.events[-1].kind = "decided_pass_tolerant"
    return chosen


def _backfill(case: Case, world: World, random: Random) -> None:
    """All its events were keyed in within minutes, days after the decision."""
    moment = world.time.after(case.ended + random.randint(2, 15) * DAY, random.uniform(0.1, 0.8))
    for place, event in enumerate(case.events):
        event.recorded = moment + 40 * place


def _order_breaks(world: World) -> list[Case]:
    """Granted cases whose required earlier item, needed by the same 工程, was not yet granted."""
    granted: dict[tuple[str, str], int] = {}
    asked: set[tuple[str, str]] = set()
    for case in world.cases:
        key = (_place(case), case.item.code)
        asked.add(key)
        if case.is_passed:
            granted.setdefault(key, case.ended)
    breaks = []
    for case in world.cases:
        if not case.is_passed:
            continue
        places = (case.works.code, case.project.code)
        needed = [(place, code) for place in places for code in case.item.prerequisites if (place, code) in asked]
        if any(granted.get(key, world.time.never) > case.ended for key in needed):
            breaks.append(case)
    return breaks


def _excuse(breaks: list[Case], taken: set[Case]) -> list[Case]:
    """Those granted though papers were still missing (容缺): every third is made so, where its system can say so."""
    for case in breaks[2::3]:
        if case not in taken and case.item.department in STANDARD_SPEAKERS:
            case.events[-1].kind = "decided_pass_tolerant"
    return [case for case in breaks if case.events[-1].kind == "decided_pass_tolerant"]


def _place(case: Case) -> str:
    return case.project.code if case.is_project_level else case.works.code
