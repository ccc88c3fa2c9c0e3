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
    return {"project_plan": [row for project in chosen for row in _plan(world, random, project)]}


def _plan(world: World, random: Random, project: Project) -> Iterator[tuple]:
    """Each item begins when those before it are planned to have ended; side items begin with the first."""
    flow = project.flow
    wanted = [code for code in flow.items() if code not in flow.filing or code == next(iter(flow.filing))]
    registered = world.time.moment(project.registered)
    ends = {}
    for code in wanted:
        before = [other for other in ITEMS[code].prerequisites if other in ends]
        start = max([ends[other] for other in before], default=registered.date()) + timedelta(
            days=random.randint(3, 20)
        )
        ends[code] = start + timedelta(days=ITEMS[code].promised + random.randint(5, 25))
        yield (project.code, code, start, ends[code], ",".join(before) or None, registered)
