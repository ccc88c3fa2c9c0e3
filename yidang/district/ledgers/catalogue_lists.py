"""办事指南: steps and materials of each version of an item, and packages (项目一件事) that ask for several at once.

They belong to the district, not to the seed: every world of the same dates has the same lists.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from yidang.district.catalogue import DEPARTMENTS, REFORM_DATE, REFORMS, Item
from yidang.district.model import World
from yidang.district.systems import copying

TABLES = {
    "item_step": copying.columns(
        "item_code version:integer step_no:integer step_name actor applicant_present updated_at:timestamp"
    ),
    "item_material": copying.columns(
        "item_code version:integer material_no:integer material_name documents:integer pages:integer cancelled_on:date"
        " updated_at:timestamp"
    ),
    "package": copying.columns(
        "package_no package_name audience materials:integer pages:integer visits:integer effective_from:date"
        " effective_to:date updated_at:timestamp"
    ),
    "package_item": copying.columns("package_no item_code updated_at:timestamp"),
}
CATALOGUE_DATE = date(2023, 6, 1)
# Step, who acts, whether the applicant meets it; an item has the first of them and always the last.
STEPS = (
    ("收件", "综合窗口", True),
    ("审查", "承办科室", False),
    ("决定", "分管领导", False),
    ("踏勘", "承办科室", True),
    ("会签", "相关科室", False),
)
LAST_STEP = ("送达", "综合窗口", True)
MATERIALS = (
    *("申请表", "营业执照", "项目批准文件", "用地文件", "总平面图", "设计说明", "专项报告", "承诺书"),
    *("授权委托书", "资质证书", "合同"),
)


def rows(world: World) -> dict[str, list[tuple]]:
    """Rows of the four tables, as they stood on the world's last day."""
    first = min(CATALOGUE_DATE, world.time.start)
    steps, materials = [], []
    for item in world.items:
        versions = [(1, first)]
        if item.code in REFORMS and world.time.end >= REFORM_DATE:
            versions.append((2, REFORM_DATE))
        for version, since in versions:
            steps += _steps(item, version, since)
            materials += _materials(world, item, version, since)
    began = world.profile.package_date
    known = world.profile.packages if began and world.time.end >= began else ()
    numbered = {f"TC{number:02d}": package for number, package in enumerate(known, 1)}
    return {
        "item_step": steps,
        "item_material": materials,
        "package": [
            (number, one.name, one.audience, one.materials, one.pages, one.visits, began, None, _morning(began))
            for number, one in numbered.items()
        ],
        "package_item": [(number, code, _morning(began)) for number, one in numbered.items() for code in one.items],
    }


def _steps(item: Item, version: int, since: date) -> Iterator[tuple]:
    wanted = [*STEPS[: item.steps - version], LAST_STEP]
    for number, (name, actor, is_present) in enumerate(wanted, 1):
        office = f"{DEPARTMENTS[item.department].name}{actor}"
        yield (item.code, version, number, name, office, "是" if is_present else "否", _morning(since))


def _materials(world: World, item: Item, version: int, since: date) -> Iterator[tuple]:
    for number, name in enumerate(MATERIALS[: item.materials - (version - 1)], 1):
        cancelled = world.profile.cancelled.get((item.code, name))
        known = cancelled if cancelled is not None and cancelled <= world.time.end else None
        pages = 1 + 7 * number * len(item.name) % 24
        changed = _morning(since) if known is None else _morning(known)
        yield (item.code, version, number, name, 1, pages, known, changed)


def _morning(day: date) -> datetime:
    return datetime(day.year, day.month, day.day) + timedelta(hours=8, minutes=30)
