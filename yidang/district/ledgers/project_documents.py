"""项目文书台账: land contracts, titles, proposals and evaluations, which no approval case stands for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from random import Random

from yidang.district.model import Case, Project, World
from yidang.district.systems import copying

TABLES = {
    "project_document": copying.columns("document_no project_code kind dated_on:date updated_at:timestamp"),
}
INSTANT_DELIVERY_SHARE = 0.5
# What a government project writes before its 可研 is approved, and from which investment (万元) the rule asks for it.
PREPARED = {"项目建议书批复": 2_000, "可研评估报告": 10_000}
NEEDLESS_CHANCE, MISSING_CHANCE = 0.12, 0.05


def rows(world: World) -> dict[str, list[tuple]]:
    """Rows of the table. world.sizes: instant_deliveries (default: a share of those that can be)."""
    random = Random(f"{world.seed}:project_documents")
    found = sorted(
        [*_land(world, random), *_titles(world, random), *_prepared(world, random)], key=lambda document: document[2]
    )
    return {
        "project_document": [
            (f"WS{number:05d}", project.code, kind, at.date(), at)
            for number, (project, kind, at) in enumerate(found, 1)
        ]
    }


def _chosen(world: World, random: Random, size: str, candidates: list[Project], share: float) -> set[int]:
    """Numbers of the projects that are to be planted."""
    count = world.sizes.get(size, round(len(candidates) * share))
    return {project.number for project in random.sample(candidates, min(count, len(candidates)))}


def _land(world: World, random: Random) -> Iterator[tuple[Project, str, datetime]]:
    """Whoever did not get the permits with the land had it when asking for the first of them; the title came later."""
    asked: dict[Project, int] = {}
    for case in world.cases:
        if case.item.code == "ZG02":
            asked.setdefault(case.project, case.received)
    for project in world.projects:
        if project not in asked:
            continue
        start = world.instant_starts.get(project)
        land = world.time.shift(asked[project], 0) if start is None else start.land
        title = world.time.after(land, random.uniform(5, 40)) if start is None else start.title
        kind = "国有建设用地划拨决定书" if project.flow.investment == "政府投资" else "土地出让合同"
        yield project, kind, _at(world, land)
        if title < world.time.horizon:
            yield project, "不动产权证书", _at(world, title)


def _titles(world: World, random: Random) -> Iterator[tuple[Project, str, datetime]]:
    finished = [project for project in world.projects if project.finished is not None]
    recent = [project for project in finished if project.finished >= world.since]
    instant = _chosen(world, random, "instant_deliveries", recent, INSTANT_DELIVERY_SHARE)
    for project in finished:
        days = random.uniform(0, 2.5) if project.number in instant else random.uniform(8, 40)
        at = world.time.after(project.finished, days)
        if at < world.time.horizon:
            yield project, "不动产首次登记", _at(world, at)


def _prepared(world: World, random: Random) -> Iterator[tuple[Project, str, datetime]]:
    filed: dict[int, Case] = {}
    for case in world.cases:
        if case.item.code == "FG03":
            filed.setdefault(case.project.number, case)
    for number, case in filed.items():
        for kind, threshold in PREPARED.items():
            is_needed = case.project.investment_wan > threshold
            if random.random() < (1 - MISSING_CHANCE if is_needed else NEEDLESS_CHANCE):
                yield world.projects[number - 1], kind, _at(world, case.received)


def _at(world: World, second: int) -> datetime:
    return world.time.moment(max(second, 0))
