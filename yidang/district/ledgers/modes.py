"""审批方式台账: in which way a case was handled and what was owed afterwards; regional assessments to be reused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from random import Random

from yidang.district.model import Case, World
from yidang.district.systems import copying
from yidang.district.worktime import DAY

TABLES = {
    "case_mode": copying.columns("case_dept case_no mode_name due_on:date done_on:date result updated_at:timestamp"),
    "regional_assessment": copying.columns(
        "assessment_no zone_name category finished_on:date reuse_count:integer updated_at:timestamp"
    ),
}
# Mode: the items it may be used for, how often, and within how many days what is owed is due (none: nothing is owed).
MODES = {
    "桩基先行": (("ZJ03",), 0.06, 60),
    "分段许可": (("ZJ03",), 0.04, None),
    "以函代证": (("ZG02", "ZG04"), 0.08, 45),
    "区域评估": (("FG04", "SW01", "SW02", "ST02"), 0.3, None),
    "标准地": (("FG01",), 0.25, None),
    "多评合一": (("FG04", "SW01", "SW02"), 0.2, None),
    "多审合一": (("ZJ01",), 0.6, None),
    "多测合一": (("ZG05",), 0.4, None),
    "容缺": (("ZG04", "ZJ02", "FG02"), 0.05, 20),
    "告知承诺": (("ZJ03", "SW01"), 0.3, 60),
}
DONE_IN_TIME_CHANCE, DONE_LATE_CHANCE = 0.82, 0.1
ZONES = ("云溪经济开发区（虚构）", "望湖产业园（虚构）", "青石物流园（虚构）")
CATEGORIES = ("环境影响评价", "水土保持", "节能评价", "地质灾害", "压覆矿产", "洪水影响", "地震安全", "文物保护")


def rows(world: World) -> dict[str, list[tuple]]:
    """Rows of the two tables.

    world.sizes: mode_告知承诺_ZJ03 and the like (how many granted cases of an item), mode_告知承诺 (of the items that
    have none), regional_categories (of each zone).
    """
    random = Random(f"{world.seed}:modes")
    used = [row for mode in MODES for row in _uses(world, random, mode)]
    drawings = world.granted("ZJ01")  # what was missing for a permit of one day
    for case in world.cases:
        if case.code in world.planted["same_day_tolerant"]:
            used.append(_use(world, random, case, "容缺", MODES["容缺"][2], arrived=drawings[case.works]))
    return {"case_mode": used, "regional_assessment": list(_assessments(world, random))}


def _uses(world: World, random: Random, mode: str) -> Iterator[tuple]:
    items, share, within = MODES[mode]
    granted = [
        case
        for case in world.cases
        if case.item.code in items and case.is_passed and case.is_visible and case.ended >= world.since
        if case.code not in world.planted["same_day_tolerant"]  # in a way of its own
    ]
    for item in items:
        size = world.sizes.get(f"mode_{mode}_{item}")
        if size is not None:
            own = [case for case in granted if case.item.code == item]
            granted = [case for case in granted if case.item.code != item]
            for case in random.sample(own, min(size, len(own))):
                yield _use(world, random, case, mode, within)
    count = world.sizes.get(f"mode_{mode}", round(len(granted) * share))
    for case in random.sample(granted, min(count, len(granted))):
        yield _use(world, random, case, mode, within)


def _use(world: World, random: Random, case: Case, mode: str, within: int | None, arrived: int | None = None) -> tuple:
    """arrived: when what was owed came, if that is known."""
    decided = world.time.moment(case.ended)
    if within is None:
        return (case.item.department, case.code, mode, None, None, None, decided)
    due = case.ended + within * DAY
    done = arrived or _done(random, case, within)
    if done is not None and done >= world.time.horizon:
        done = None
    is_true = random.random() < 0.97
    result = ("属实" if is_true else "不实") if done is not None and mode == "告知承诺" else None
    changed = decided if done is None else world.time.moment(done)
    done_on = None if done is None else changed.date()
    return (case.item.department, case.code, mode, world.time.moment(due).date(), done_on, result, changed)


def _done(random: Random, case: Case, within: int) -> int | None:
    fate = random.random()
    if fate < DONE_IN_TIME_CHANCE:
        return case.ended + random.randint(1, within) * DAY
    if fate < DONE_IN_TIME_CHANCE + DONE_LATE_CHANCE:
        return case.ended + (within + random.randint(1, 30)) * DAY
    return None


def _assessments(world: World, random: Random) -> Iterator[tuple]:
    number = 0
    for zone in ZONES:
        for category in random.sample(CATEGORIES, world.sizes.get("regional_categories", random.randint(4, 8))):
            number += 1
            finished = random.randrange(0, max(world.time.days // 2, 1)) * DAY
            day: date = world.time.moment(finished).date()
            changed = datetime(day.year, day.month, day.day, 9)
            yield (f"QP{number:03d}", zone, category, day, random.randint(0, 30), changed)
