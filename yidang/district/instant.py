"""拿地即开工, planted into a finished world: projects whose permits come with the land.

The plan is reviewed before there is land (预审), so 设计方案审查 and 施工图审查 keep their days. What is granted only
to somebody who has land, 建设用地规划许可 and 建设工程规划许可, moves with its whole case to the days from the land
document to the first construction permit. A design review that now lies before the land-use permit was granted
although that paper was missing (容缺), and its decision says so.
"""

from __future__ import annotations

from random import Random

from yidang.district.catalogue import version_on
from yidang.district.model import Case, InstantStart, Project, World
from yidang.district.worktime import DAY, OFFICE_SECONDS, OPENING, WorkTime

SHARE, FOUR_SHARE = 0.18, 0.4
INDUSTRY = 6  # the flow type whose projects come first: the reform began with industrial land
MOST_DAYS = 4  # working days from the land document to the permit
LAND_USE, DESIGN, PLANNING, PERMIT = "ZG02", "ZG03", "ZG04", "ZJ03"
# When on its day each is signed, as a share of the office hours there are before the construction permit.
SIGNED = {LAND_USE: (0.1, 0.4), PLANNING: (0.5, 0.9)}


def plant(world: World) -> None:
    """Choose the projects and move their permits; world.instant_starts then has each with its land document.

    world.sizes: instant_starts and, of these, four_on_one_date (四证齐发: title, both planning permits and the
    construction permit bear one date); by default shares of those that can be and of those chosen.
    """
    random = Random(f"{world.seed}:instant")
    cases = _certificates(world)
    candidates = [project for project in world.projects if _suits(world, cases.get(project, []))]
    count = world.sizes.get("instant_starts", round(len(candidates) * SHARE))
    random.shuffle(candidates)
    candidates.sort(key=lambda project: project.flow_type != INDUSTRY)
    chosen = candidates[:count]
    four = world.sizes.get("four_on_one_date", round(len(chosen) * FOUR_SHARE))
    for place, project in enumerate(chosen):
        world.instant_starts[project] = _start(world.time, random, cases[project], is_four=place < four)


def _certificates(world: World) -> dict[Project, list[Case]]:
    found: dict[Project, list[Case]] = {}
    for case in world.cases:
        if case.item.code in (LAND_USE, DESIGN, PLANNING, PERMIT):
            found.setdefault(case.project, []).append(case)
    return found


def _suits(world: World, cases: list[Case]) -> bool:
    """Whether it was permitted under the reform, and all before that granted at the first try and without a fault."""
    permit = _first_permit(cases)
    if permit is None or permit.ended < world.time.after(world.since, MOST_DAYS + 1):
        return False
    earlier = [case for case in cases if case.item.code != DESIGN and case.received < permit.ended]
    return (
        {case.item.code for case in earlier} == {LAND_USE, PLANNING, PERMIT}
        and all(case.is_passed for case in earlier)
        and not any(case.planted for case in cases)
        and all(_can_move(world.time, case, permit.ended) for case in earlier if case.item.code in SIGNED)
    )


def _can_move(time: WorkTime, case: Case, until: int) -> bool:
    """Within its limit, and in a version of its item that is still in force then."""
    is_long = time.working_days_between(case.received, case.ended) > case.item.statutory
    return not is_long and case.version == version_on(case.item, time.moment(until).date())[0]


def _first_permit(cases: list[Case]) -> Case | None:
    granted = [case for case in cases if case.item.code == PERMIT and case.is_passed]
    return min(granted, key=lambda case: case.ended, default=None)


def _start(time: WorkTime, random: Random, cases: list[Case], *, is_four: bool) -> InstantStart:
    """Move what a project was granted before it had land, and say when it got the land."""
    permit = _first_permit(cases).ended
    days = random.randint(0 if is_four else 1, MOST_DAYS)
    # Working days before the permit. Where the four shall not bear one date, the first of them comes a day before.
    land_use = 0 if is_four else random.randint(1, days)
    planning = random.randint(0, land_use)
    title = random.randint(0, land_use)
    for item, before in ((LAND_USE, land_use), (PLANNING, planning)):
        granted = _signed(time, random, item, permit, before)
        for case in cases:
            if case.item.code == item and case.is_passed and case.ended < granted:
                _move(time, case, granted)
                _dissolve(cases, case.parallel_group)
    _grant_without_land(cases)
    land = time.shift(permit, -days) // DAY * DAY + OPENING
    return InstantStart(land, time.shift(permit, -title), is_four)


def _signed(time: WorkTime, random: Random, item: str, permit: int, days: int) -> int:
    """A moment in the office hours so many working days before the construction permit; on its own day, before it."""
    day = time.shift(permit, -days) // DAY * DAY
    hours = permit % DAY - OPENING if days == 0 else OFFICE_SECONDS
    return day + OPENING + round(hours * random.uniform(*SIGNED[item]))


def _move(time: WorkTime, case: Case, granted: int) -> None:
    """The whole case by so many working days that it is granted at a moment: its hours and pauses stay."""
    *before, decision = (event.at for event in case.events)
    days = time.working_days_between(decision, granted)
    if time.shift(before[-1], days) >= granted:
        days -= 1
    case.reschedule([*(time.shift(moment, days) for moment in before), granted])


def _dissolve(cases: list[Case], group: str) -> None:
    """What was applied for with a permit that now comes later was applied for alone."""
    for case in cases:
        if group and case.parallel_group == group:
            case.parallel_group = ""


def _grant_without_land(cases: list[Case]) -> None:
    """The plan's reviews were granted under 容缺, as far as they now lie before the land-use permit."""
    (land_use,) = (case.ended for case in cases if case.item.code == LAND_USE and case.is_passed)
    for case in cases:
        if case.item.code == DESIGN and case.is_passed and case.ended < land_use:
            case.events[-1].kind = "decided_pass_tolerant"
