"""定制流程图: for some major projects, which item is planned from when to when, and which must come before it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from random import Random

from yidang.district.catalogue import ITEMS
from yidang.district.model import Project, World
from yidang.district.systems import copying

TABLES = {
    "project_plan": copying.columns(
        "project_code item_code planned_start:date planned_end:date predecessors updated_at:timestamp"
    ),
}
MOST_PLANS = 12


def rows(world: World) -> dict[str, list[tuple]]:
    """Rows of the table. world.sizes: project_plans (default: 12 of the major projects, or all there are)."""
    random = Random(f"{world.seed}:project_plans")
    candidates = [project for project in world.projects if project.is_major] or world.projects
    count = min(world.sizes.get("project_plans", MOST_PLANS), len(candidates))
    chosen = sorted(random.sample(candidates, count), key=lambda project: project.number)
    asked: dict[int, set[str]] = {}
    for case in world.cases:
        asked.setdefault(case.project.number, set()).add(case.item.code)
    return {
        "project_plan": [
            row for project in chosen for row in _plan(world, random, project, asked.get(project.number, set()))
        ]
    }


def _plan(world: World, random: Random, project: Project, asked: set[str]) -> Iterator[tuple]:
    """Each item begins when those before it are planned to have ended; side items begin with the first."""
    flow = project.flow
    registered = world.time.moment(project.registered)
    ends = {}
    for code in _wanted(project, asked):
        before = [other for other in ITEMS[code].prerequisites if other in ends]
        if code in flow.completion_group and "ZJ03" not in before:
            before.append("ZJ03")
        after = before or [filing for filing in flow.filing if filing in ends]
        start = max([ends[other] for other in after], default=registered.date()) + timedelta(days=random.randint(3, 20))
        ends[code] = start + timedelta(days=ITEMS[code].promised + random.randint(5, 25))
        yield (project.code, code, start, ends[code], ",".join(before) or None, registered)


def _wanted(project: Project, asked: set[str]) -> list[str]:
    """What every project of the flow needs, and of the rest what this one did ask for."""
    flow = project.flow
    shares = {**flow.project_items, **flow.permit_group, **flow.completion_group, **flow.side_items}
    filing = next((code for code in flow.filing if code in asked), next(iter(flow.filing)))
    wanted = [
        code
        for code in flow.items()
        if code in asked or code == filing or (code not in flow.filing and shares.get(code, 1.0) == 1.0)
    ]
    # an acceptance follows from a review: where there is none, there is nothing to accept
    return [code for code in wanted if code not in flow.completion_group or not _lacks_review(code, wanted)]


def _lacks_review(code: str, wanted: list[str]) -> bool:
    reviews = ITEMS[code].prerequisites
    return bool(reviews) and not set(reviews) & set(wanted)
