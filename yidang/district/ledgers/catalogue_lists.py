"""办事指南: steps and materials of each version of an item, and packages (项目一件事) that ask for several at once.

They belong to the district, not to the seed: every world of the same dates has the same lists.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from yidang.district.catalogue import DEPARTMENTS, ITEMS, REFORM_DATE, REFORMS, Item
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
PACKAGE_DATE = date(2024, 6, 3)
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
# One material was dropped without a new version of its item, so that the catalogue's own count is one too many.
CANCELLED = {("ST02", "项目批准文件"): date(2025, 7, 1)}
PACKAGES = {
    "工业厂房一件事": ("社会投资", ("FG01", "ZG02", "ZG03", "ZG04", "ZJ01", "ZJ03"), 14, 60, 1),
    "政府投资房建一件事": ("政府投资", ("FG03", "ZG01", "ZG02", "ZG04", "ZJ03"), 15, 90, 1),
    "竣工验收一件事": ("各类项目", ("ZG05", "ZJ04", "RF02", "ZJ05"), 9, 40, 1),
    "开工前水务一件事": ("各类项目", ("SW01", "SW02", "SW03"), 4, 21, 0),
}


def rows(world: World) -> dict[str, list[tuple]]:
    """Rows of the four tables, as they stood on the world's last day."""
    first = min(CATALOGUE_DATE, world.time.start)
    steps, materials = [], []
    for item in ITEMS.values():
        versions = [(1, first)]
        if item.code in REFORMS and world.time.end >= REFORM_DATE:
            versions.append((2, REFORM_DATE))
        for version, since in versions:
            steps += _steps(item, version, since)
            materials += _materials(item, version, since, world.time.end)
    known = {name: package for name, package in PACKAGES.items() if world.time.end >= PACKAGE_DATE}
    numbers = {name: f"TC{number:02d}" for number, name in enumerate(known, 1)}
    since = _morning(PACKAGE_DATE)
    return {
        "item_step": steps,
        "item_material": materials,
        "package": [
            (numbers[name], name, audience, documents, pages, visits, PACKAGE_DATE, None, since)
            for name, (audience, _, documents, pages, visits) in known.items()
        ],
        "package_item": [(numbers[name], code, since) for name, package in known.items() for code in package[1]],
    }


def _steps(item: Item, version: int, since: date) -> Iterator[tuple]:
    wanted = [*STEPS[: item.steps - version], LAST_STEP]
    for number, (name, actor, is_present) in enumerate(wanted, 1):
        office = f"{DEPARTMENTS[item.department].name}{actor}"
        yield (item.code, version, number, name, office, "是" if is_present else "否", _morning(since))


def _materials(item: Item, version: int, since: date, end: date) -> Iterator[tuple]:
    for number, name in enumerate(MATERIALS[: item.materials - (version - 1)], 1):
        cancelled = CANCELLED.get((item.code, name))
        known = cancelled if cancelled is not None and cancelled <= end else None
        pages = 1 + 7 * number * len(item.name) % 24
        changed = _morning(since) if known is None else _morning(known)
        yield (item.code, version, number, name, 1, pages, known, changed)


def _morning(day: date) -> datetime:
    return datetime(day.year, day.month, day.day) + timedelta(hours=8, minutes=30)
