"""项目谋划库: yearly tasks become listed projects, their elements are matched, a decision is taken; and 纳统投资.

world.sizes: pipeline_projects (in all), and exact new starts by first investment in the last whole year of the world:
year_starts, and of these window_starts in its November and December.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from yidang.district.ledgers.major_projects import first_permits
from yidang.district.model import Project, World
from yidang.district.systems import copying
from yidang.district.worktime import DAY

TABLES = {
    "pipeline_project": copying.columns(
        "pipeline_no plan_year:integer task list_name project_name readiness planned_investment_wan:integer"
        " project_code tasked_at:timestamp listed_at:timestamp decided_at:timestamp dropped_at:timestamp"
        " updated_at:timestamp"
    ),
    "pipeline_element": copying.columns("pipeline_no element needed_by:date matched_at:timestamp updated_at:timestamp"),
    "investment_done": copying.columns("project_code month:date amount_wan:integer updated_at:timestamp"),
}
TASKS = ("产业链补链", "城市更新", "民生补短板", "交通畅通", "生态提升")
LISTS = ("年度谋划清单", "储备清单")
ELEMENTS = ("资金", "规划", "用地", "环评", "能耗")
# How far it has come → how likely an element is matched.
MATCHED_CHANCE = {"孕育": 0.2, "孵化": 0.55, "成熟": 0.9}
REGISTERED_SHARE, DROPPED_CHANCE = 0.5, 0.08
FIRST_PLANNED_MONTHS = 4  # registered by then, a project is in the plan of its own year
BUILD_MONTHS = 18


@dataclass(slots=True)
class _Plan:
    year: int
    project: Project | None
    readiness: str
    tasked: int
    listed: int | None
    decided: int | None
    dropped: int | None


def rows(world: World) -> dict[str, list[tuple]]:
    """Rows of the three tables."""
    random = Random(f"{world.seed}:pipeline")
    plans = _plans(world, random)
    numbered = [(f"MH{plan.year}{serial:04d}", plan) for serial, plan in enumerate(plans, 1)]
    return {
        "pipeline_project": [_plan_row(world, number, plan, random) for number, plan in numbered],
        "pipeline_element": [row for number, plan in numbered for row in _elements(world, number, plan, random)],
        "investment_done": list(_investments(world, random)),
    }


def _plans(world: World, random: Random) -> list[_Plan]:
    count = world.sizes.get("pipeline_projects", max(2, len(world.projects) // 3))
    known = [project for project in world.projects if project.registered < world.time.horizon - DAY]
    chosen = random.sample(known, min(len(known), round(count * REGISTERED_SHARE)))
    found = [_registered(world, project, random) for project in chosen]
    found += [_unregistered(world, random) for _ in range(count - len(chosen))]
    return sorted(found, key=lambda plan: plan.tasked)


def _registered(world: World, project: Project, random: Random) -> _Plan:
    decided = project.registered - random.randrange(5 * DAY, 30 * DAY)
    listed = decided - random.randrange(20 * DAY, 80 * DAY)
    tasked = listed - random.randrange(10 * DAY, 60 * DAY)
    # the yearly plan is that of the year in which most of its first permits are due
    registered = world.time.moment(project.registered)
    return _Plan(
        registered.year + (registered.month > FIRST_PLANNED_MONTHS), project, "成熟", tasked, listed, decided, None
    )


def _unregistered(world: World, random: Random) -> _Plan:
    tasked = random.randrange(max(world.time.horizon - 20 * DAY, DAY))
    steps: list[int | None] = [tasked]
    for chance, days in ((0.65, (10, 60)), (0.45, (20, 80))):
        before = steps[-1]
        step = None
        if before is not None and random.random() < chance:
            step = before + random.randrange(days[0] * DAY, days[1] * DAY)
        steps.append(step if step is not None and step < world.time.horizon else None)
    readiness = ("孕育", "孵化", "成熟")[sum(step is not None for step in steps[1:])]
    last = max(step for step in steps if step is not None)
    dropped = last + random.randrange(30 * DAY, 120 * DAY) if random.random() < DROPPED_CHANCE else world.time.never
    year = world.time.moment(tasked).year
    return _Plan(year, None, readiness, *steps, dropped if dropped < world.time.horizon else None)


def _plan_row(world: World, number: str, plan: _Plan, random: Random) -> tuple:
    moments = [
        None if moment is None else world.time.moment(moment)
        for moment in (plan.tasked, plan.listed, plan.decided, plan.dropped)
    ]
    registered = plan.project and world.time.moment(plan.project.registered)
    wan = plan.project.investment_wan if plan.project else random.randrange(3_000, 80_000)
    return (
        number,
        plan.year,
        f"{plan.year}年{random.choice(TASKS)}（虚构）",
        random.choice(LISTS) if plan.listed is not None else None,
        plan.project.name if plan.project else f"{world.profile.name}示例谋划项目（虚构{number[-4:]}号）",
        plan.readiness,
        round(wan * random.uniform(0.1, 0.4)),
        plan.project.code if plan.project else None,
        *moments,
        max(moment for moment in (*moments, registered) if moment is not None),
    )


def _elements(world: World, number: str, plan: _Plan, random: Random) -> Iterator[tuple]:
    until = min(plan.decided or world.time.horizon - 1, world.time.horizon - 1)
    needed = world.time.moment(plan.decided or plan.tasked + 120 * DAY).date()
    for element in ELEMENTS:
        matched = None
        if random.random() < (0.97 if plan.project else MATCHED_CHANCE[plan.readiness]) and until > plan.tasked:
            matched = world.time.moment(random.randrange(plan.tasked, until))
        yield (number, element, needed, matched, matched or world.time.moment(plan.tasked))


def _investments(world: World, random: Random) -> Iterator[tuple]:
    """Of each project an amount a month, from the month it starts on; the last whole month reported is the last row."""
    for project, first in _first_months(world, random).items():
        month = first
        finished = world.time.end if project.finished is None else world.time.moment(project.finished).date()
        while month <= max(first, finished):
            following = (month + timedelta(days=31)).replace(day=1)
            reported = following - timedelta(days=1)  # on the month's last day
            if reported > world.time.end:
                break
            amount = max(1, round(project.investment_wan / BUILD_MONTHS * random.uniform(0.5, 1.5)))
            yield (project.code, month, amount, f"{reported} 09:00:00")
            month = following


def _first_months(world: World, random: Random) -> dict[Project, date]:
    """The month of each project's first investment: that of its first construction permit, or as world.sizes asks."""
    if "year_starts" not in world.sizes:
        permits = first_permits(world)
        return {project: world.time.moment(at).date().replace(day=1) for project, at in permits.items()}
    year = world.time.end.year - (world.time.end < date(world.time.end.year, 12, 31))
    known = [project for project in world.projects if project.registered < world.time.second(date(year, 10, 1))]
    found = {}
    for place, project in enumerate(random.sample(known, world.sizes["year_starts"])):
        registered = world.time.moment(project.registered)
        earliest = registered.month + 1 if registered.year == year else 1
        is_in_window = place < world.sizes["window_starts"]
        month = random.choice((11, 12)) if is_in_window else random.randint(earliest, 10)
        found[project] = date(year, month, 1)
    return found
