"""政务服务大厅: the item catalogue of all departments, and what people ask, rate, visit and order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from itertools import chain
from random import Random

import psycopg

from yidang.district.catalogue import DEPARTMENTS, REFORM_DATE, REFORMS, REGION_CODE, Item
from yidang.district.codes import credit_code
from yidang.district.ledgers import catalogue_lists, reach, voices
from yidang.district.model import Case, World
from yidang.district.systems import copying
from yidang.district.worktime import DAY

SCHEMA = "hall"
LEDGERS = (catalogue_lists, voices, reach)
TABLES = {
    "service_item": copying.columns(
        "item_code version:integer item_name dept_name national_item_code stage_no:integer statutory_limit:integer"
        " statutory_unit promised_limit:integer promised_unit steps:integer materials:integer visits:integer"
        " fee_yuan:numeric item_kind item_class informed_commitment prerequisite_codes effective_from:date"
        " effective_to:date updated_at:timestamp"
    ),
    "question": copying.columns(
        "id:bigint asked_at:timestamp channel project_code topic replied_at:timestamp reply_dept updated_at:timestamp"
    ),
    "rating": copying.columns(
        "id:bigint case_no dept_name rated_at:timestamp grade:integer is_default:boolean updated_at:timestamp"
    ),
    "visit": copying.columns(
        "id:bigint visited_at:timestamp project_code case_no window_no purpose dept_name updated_at:timestamp"
    ),
    "agent_order": copying.columns(
        "id:bigint project_code category agency_name agency_credit_code commissioned_by ordered_at:timestamp"
        " delivered_at:timestamp price_yuan:numeric updated_at:timestamp"
    ),
}
TOPICS = ("申报材料", "办理时限", "收费标准", "并联审批", "联合验收", "其他")
AGENCY_WORK = {
    "施工图审查": ("ZJ01", 8, 60),
    "环评编制": ("ST02", 30, 25),
    "水保方案编制": ("SW01", 20, 15),
    "测绘": ("ZG05", 10, 12),
}
_WINDOW_STEPS = {"received": "提交材料", "correction_received": "补交材料"}


def write(world: World, connection: psycopg.Connection, reader: str, stamp: str) -> None:
    """Fill schema `hall`. Moments are local. world.sizes: same_day_replies (every question is answered at once)."""
    random = Random(f"{world.seed}:hall")
    agencies = [(f"示例中介机构{number:03d}（虚构）", credit_code(random, REGION_CODE)) for number in range(1, 41)]
    content = {
        "service_item": _catalogue(world),
        "question": _numbered(_questions(world, random)),
        "rating": _numbered(_ratings(world, random)),
        "visit": _numbered(_visits(world, random)),
        "agent_order": _numbered(chain(_orders(world, random, agencies), _other_orders(world, random, agencies))),
    }
    copying.recreate_schema(connection, SCHEMA, reader, stamp)
    for table, rows in content.items():
        copying.fill(connection, SCHEMA, table, TABLES[table], rows, index=("updated_at",))
    copying.fill_ledgers(connection, SCHEMA, world, LEDGERS)


def _catalogue(world: World) -> Iterator[tuple]:
    # The catalogue is older than any world, so that every case falls under a version.
    first = min(catalogue_lists.CATALOGUE_DATE, world.time.start)
    for item in world.items:
        is_reformed = item.code in REFORMS and world.time.end >= REFORM_DATE
        ends = REFORM_DATE - timedelta(days=1) if is_reformed else None
        yield _item(world, item, 1, item.promised, first, ends, updated=REFORM_DATE if is_reformed else first)
        if is_reformed:
            yield _item(world, item, 2, REFORMS[item.code].promised, REFORM_DATE, None, updated=REFORM_DATE)


def _item(world: World, item: Item, version: int, promised: int, start: date, end: date | None, updated: date) -> tuple:
    return (
        item.code,
        version,
        item.name,
        DEPARTMENTS[item.department].name,
        item.national_code,
        item.stage,
        item.statutory,
        "工作日",
        promised,
        "工作日",
        item.steps - (version - 1),
        item.materials - (version - 1),
        item.visits,
        0,
        "承诺件",
        "公共服务事项" if item.code in world.profile.public_services else "审批事项",
        "是" if item.commitment else "否",
        ",".join(item.prerequisites) or None,
        start,
        end,
        f"{updated} 08:30:00",
    )


def _questions(world: World, random: Random) -> Iterator[tuple]:
    for project in world.projects:
        for _ in range(random.choices((0, 1, 2, 3), weights=(40, 35, 15, 10))[0]):
            day = random.randrange(project.registered // DAY, world.time.days)
            asked = max(day * DAY + random.randrange(8 * 3600, 20 * 3600), project.registered)
            replied = world.time.after(asked, random.choice((0.1, 0.3, 0.8, 2.5)))
            if world.sizes.get("same_day_replies"):
                replied = asked + 1800
            known = replied < world.time.horizon
            yield (
                world.time.moment(asked),
                random.choice(("热线", "窗口", "网上")),
                project.code,
                random.choice(TOPICS),
                world.time.moment(replied) if known else None,
                random.choice(list(DEPARTMENTS.values())).name,
                world.time.moment(replied if known else asked),
            )


def _ratings(world: World, random: Random) -> Iterator[tuple]:
    for case in world.cases:
        if case.outcome not in ("passed", "denied") or not case.is_visible or random.random() > 0.45:
            continue
        is_default = random.random() < 0.35
        grade = 5 if is_default else random.choices((5, 4, 3, 2, 1), weights=(70, 20, 6, 3, 1))[0]
        rated = case.ended + random.randint(600, 5 * DAY)
        if rated < world.time.horizon:
            moment = world.time.moment(rated)
            yield (case.code, DEPARTMENTS[case.item.department].name, moment, grade, is_default, moment)


def _visits(world: World, random: Random) -> Iterator[tuple]:
    for case in world.cases:
        if case.online or not case.is_visible:
            continue
        for event in case.events:
            if event.kind in _WINDOW_STEPS:
                yield _visit(world, case, event.at, _WINDOW_STEPS[event.kind], random)
        if case.is_passed and random.random() < 0.6:
            fetched = world.time.after(case.ended + DAY, random.uniform(0, 4))
            if fetched < world.time.horizon:
                yield _visit(world, case, fetched, "领取证件", random)


def _visit(world: World, case: Case, at: int, purpose: str, random: Random) -> tuple:
    moment = world.time.moment(at)
    department = DEPARTMENTS[case.item.department].name
    return (moment, case.project.code, case.code, f"B{random.randint(1, 24):02d}", purpose, department, moment)


def _orders(world: World, random: Random, agencies: list[tuple[str, str]]) -> Iterator[tuple]:
    categories = {code: (category, days, price) for category, (code, days, price) in AGENCY_WORK.items()}
    for case in world.cases:
        if case.item.code not in categories or case.reapply_of is not None:
            continue
        category, days, price = categories[case.item.code]
        delivered = case.received - random.randint(1, 6) * DAY
        ordered = max(delivered - random.randint(days // 2, days * 2) * DAY, case.project.registered)
        delivered = max(delivered, ordered + DAY // 4)
        name, credit = random.choice(agencies)
        by_government = category == "施工图审查" or case.project.flow.investment == "政府投资"
        moments = (world.time.moment(ordered), world.time.moment(delivered))
        cost = round(price * 1000 * random.uniform(0.5, 1.6), -2)
        yield (
            case.project.code,
            category,
            name,
            credit,
            "政府" if by_government else "建设单位",
            *moments,
            cost,
            moments[1],
        )


def _other_orders(world: World, random: Random, agencies: list[tuple[str, str]]) -> Iterator[tuple]:
    """Of kinds of work that no item's case stands for: a few of each."""
    for category in world.profile.agencies:
        for project in random.sample(world.projects, min(len(world.projects), random.randint(3, 12))):
            ordered = random.randrange(project.registered, world.time.horizon)
            delivered = ordered + random.randint(3, 40) * DAY
            if delivered < world.time.horizon:
                moments = (world.time.moment(ordered), world.time.moment(delivered))
                by = random.choice(("政府", "建设单位"))
                cost = random.randrange(5_000, 200_000, 100)
                yield (project.code, category, *random.choice(agencies), by, *moments, cost, moments[1])


def _numbered(rows: Iterable[tuple]) -> list[tuple]:
    """Rows in the order in which they last changed, under running ids."""
    return [(number, *row) for number, row in enumerate(sorted(rows, key=lambda row: (row[-1], row[:1])), 1)]
