"""Faults with a known answer, planted into a finished world: what a truth test must find again."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from yidang.district import instant
from yidang.district.catalogue import DEPARTMENTS
from yidang.district.model import Case, World
from yidang.district.worktime import DAY, OPENING

STANDARD_SPEAKERS = ("zigui", "zhujian")
BYPASS_ITEMS = ("ZG02", "ZG04", "ZJ03")
# A permit of one day: so long after the office opens received, accepted, begun and granted; so many working days later
# the paper comes that was missing.
SAME_DAY_MINUTES, MISSING_DAYS = (30, 40, 40, 70), 5


def plant(world: World) -> None:
    """Give every case its code and plant the faults. world.planted then names, by kind:

    backfilled: cases keyed in only after their decision (补录); bypass: permits given outside the system (体外循环);
    withheld: passed cases whose finishing event was never sent; order_breaks: cases decided before a required earlier
    item (逆序), order_breaks_excused: those of them granted under 容缺; duplicate_projects: project codes registered
    twice; unlinked: cases that carry no usable project code; same_day_tolerant (as many as world.sizes says):
    construction permits granted under 容缺 on the day they were applied for. No faults, but known too: instant_starts
    (拿地即开工) and of them four_on_one_date (四证齐发), project codes.
    """
    random = Random(f"{world.seed}:planted")
    count = len(world.cases)
    faults: dict[str, list[Case]] = {"same_day_tolerant": _same_day(world)}
    taken = set(faults["same_day_tolerant"])

    def choose(kind: str, share: int, suits: Callable[[Case], bool]) -> list[Case]:
        pool = [case for case in world.cases if case not in taken and suits(case)]
        chosen = random.sample(pool, min(len(pool), max(2, count // share)))
        taken.update(chosen)
        for case in chosen:
            case.planted = kind
        faults[kind] = chosen
        return chosen

    latest = world.time.horizon - 30 * DAY
    for case in choose("backfilled", 150, lambda case: case.is_passed and case.ended < latest):
        _backfill(case, world, random)
    choose("bypass", 300, lambda case: case.is_passed and case.item.code in BYPASS_ITEMS)
    choose("withheld", 250, lambda case: case.is_passed and case.item.department in STANDARD_SPEAKERS)
    choose("unlinked", 400, lambda case: case.item.department in ("fagai", "shuiwu", "shengtai"))
    # They leave alone what has a fault. What they move keeps its place among the cases, and so its serial number.
    instant.plant(world)
    _number(world)
    breaks = sorted(_order_breaks(world), key=lambda case: case.code)
    faults |= {"order_breaks": breaks, "order_breaks_excused": _excuse(breaks, taken)}
    world.planted |= {kind: sorted(case.code for case in found) for kind, found in faults.items()}
    twice = random.sample(world.projects, min(len(world.projects), max(2, len(world.projects) // 40)))
    starts = world.instant_starts
    projects = {
        "duplicate_projects": twice,
        "instant_starts": starts,
        "four_on_one_date": [project for project, start in starts.items() if start.is_four],
    }
    world.planted |= {kind: sorted(project.code for project in found) for kind, found in projects.items()}


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
    """Construction permits applied for, accepted and granted on one day though a paper was still missing (容缺).

    They move to a day on which the drawings are still under review and everything else is there.
    """
    plans, drawings, fire = (world.granted(code) for code in ("ZG04", "ZJ01", "ZJ02"))
    first = world.time.after(world.since, MISSING_DAYS)
    plain = [
        case
        for case in world.cases
        if case.item.code == "ZJ03" and case.is_passed and first < drawings.get(case.works, -1) < case.received
        if [event.kind for event in case.events] == ["received", "accepted", "department_started", "decided_pass"]
    ]
    chosen = []
    for case in plain:
        day = world.time.shift(drawings[case.works], -MISSING_DAYS) // DAY * DAY
        is_ready = max(plans[case.works], fire.get(case.works, 0)) < day
        if is_ready and len(chosen) < world.sizes.get("same_day_tolerant", 0):
            case.reschedule([day + OPENING + minutes * 60 for minutes in SAME_DAY_MINUTES])
            case.events[-1].kind = "decided_pass_tolerant"
            chosen.append(case)
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
    """Those granted though papers were still missing (容缺): every third of the rest too, where a system can say so."""
    for case in [case for case in breaks if case.events[-1].kind != "decided_pass_tolerant"][2::3]:
        if case not in taken and case.item.department in STANDARD_SPEAKERS:
            case.events[-1].kind = "decided_pass_tolerant"
    return [case for case in breaks if case.events[-1].kind == "decided_pass_tolerant"]


def _place(case: Case) -> str:
    return case.project.code if case.is_project_level else case.works.code
