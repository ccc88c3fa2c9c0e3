"""服务可达: how far each item can be done online, and the machines and centres near people's homes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

from yidang.district.catalogue import STREETS, Item
from yidang.district.model import World
from yidang.district.systems import copying

TABLES = {
    "item_channel": copying.columns("item_code depth cross_province:boolean since:date updated_at:timestamp"),
    "service_point": copying.columns(
        "point_no kind name street is_standard:boolean opened_on:date closed_on:date updated_at:timestamp"
    ),
}
# How far an item can be done online, the furthest first. Most cases of each come online, so none is done offline only.
DEPTHS = ("全程网办", "原件预审", "原件核验")
DEEPENED_CHANCE = 0.3
CROSS_PROVINCE_CHANCE = 0.25
MACHINE, VILLAGE = "自助服务终端", "村级便民服务中心"
STANDARD_SHARE = 0.9


def rows(world: World) -> dict[str, list[tuple]]:
    """Rows of the two tables.

    world.sizes: fully_online_items, cross_province_items (default: by chance); self_service_machines (12),
    village_centres (30), standard_village_centres (nine of ten).
    """
    random = Random(f"{world.seed}:reach")
    return {
        "item_channel": list(_channels(world, random)),
        "service_point": list(_machines(world, random)) + list(_villages(world, random)),
    }


def _channels(world: World, random: Random) -> Iterator[tuple]:
    by_visits = sorted(world.items, key=lambda item: item.visits)
    fully = world.sizes.get("fully_online_items", sum(item.visits == 0 for item in by_visits))
    crossing = world.sizes.get("cross_province_items")
    for place, item in enumerate(by_visits):
        depth = DEPTHS[0] if place < fully else random.choice(DEPTHS[1:])
        crosses = random.random() < CROSS_PROVINCE_CHANCE
        yield from _of_item(world, random, item, depth, crosses if crossing is None else place < crossing)


def _of_item(world: World, random: Random, item: Item, depth: str, crosses: bool) -> Iterator[tuple]:
    """The item's depth since before the world began, or by steps: what can be done online now could not always."""
    before = world.time.start - timedelta(days=180)
    if random.random() < DEEPENED_CHANCE:
        yield _channel(item, DEPTHS[-1], crosses=False, since=before)
        yield _channel(item, depth, crosses=crosses, since=_some_day(world, random))
    else:
        yield _channel(item, depth, crosses=crosses, since=before)


def _channel(item: Item, depth: str, *, crosses: bool, since: date) -> tuple:
    return (item.code, depth, crosses, since, f"{since} 08:30:00")


def _machines(world: World, random: Random) -> Iterator[tuple]:
    for number in range(1, world.sizes.get("self_service_machines", 12) + 1):
        opened = _some_day(world, random)
        closed = _some_day(world, random) if random.random() < 0.1 else None
        closed = closed if closed and closed > opened else None
        name = f"{number}号自助服务终端（虚构）"
        yield (f"ZZ{number:03d}", MACHINE, name, random.choice(STREETS), None, opened, closed, closed or opened)


def _villages(world: World, random: Random) -> Iterator[tuple]:
    count = world.sizes.get("village_centres", 30)
    standard = world.sizes.get("standard_village_centres", round(count * STANDARD_SHARE))
    opened = world.time.start - timedelta(days=365)
    for number in range(1, count + 1):
        name = f"示例{number}村便民服务中心（虚构）"
        yield (f"CJ{number:03d}", VILLAGE, name, random.choice(STREETS), number <= standard, opened, None, opened)


def _some_day(world: World, random: Random) -> date:
    return world.time.start + timedelta(days=random.randrange(world.time.days))
