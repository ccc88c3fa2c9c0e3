"""改革举措台账: what the reform changed, from which day, from how much to how much, by the documents it rests on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from random import Random

from yidang.district.catalogue import ITEMS, REFORM_DATE, REFORMS, version_on
from yidang.district.model import World
from yidang.district.profile import Measure
from yidang.district.systems import copying

TABLES = {
    "measure": copying.columns(
        "measure_no measure_name action scope kind item_code stage_no:integer started_on:date"
        " limit_before:integer limit_before_unit limit_after:integer limit_after_unit"
        " items_before:integer items_after:integer steps_before:integer steps_after:integer"
        " documents_before:integer documents_after:integer pages_before:integer pages_after:integer"
        " visits_before:integer visits_after:integer fee_before:numeric fee_after:numeric"
        " legal_type_before legal_type_after status days_saved:integer claimed_percent:numeric claimed_kind document_no"
        " updated_at:timestamp"
    ),
    "reform_document": copying.columns(
        "document_no title unit signed_on:date published_on:date stated_measures:integer stated_days_saved:integer"
        " updated_at:timestamp"
    ),
}
AT_ONCE_SHARE = 0.3
# So many more, about material, stand beside those of the profile and of the planted reform.
SMALL_ONES = 5


def rows(world: World) -> dict[str, list[tuple]]:
    """Rows of the two tables.

    world.sizes: measures (default: the profile's, the planted reform's, and five of material), measures_at_once and
    measures_improved (how many of them are 立行立改 and 整改优化).
    """
    random = Random(f"{world.seed}:measures")
    profile = world.profile
    known = (*profile.measures, *_reforms(world))
    measures = [measure for measure in known if measure.started <= world.time.end]
    count = world.sizes.get("measures", len(measures) + (SMALL_ONES if measures else 0))
    measures = (measures + list(_small(world, random, measures, max(count - len(measures), 0))))[:count]
    at_once = world.sizes.get("measures_at_once", round(count * AT_ONCE_SHARE))
    improved = world.sizes.get("measures_improved", count - at_once)
    statuses = ["立行立改"] * at_once + ["整改优化"] * improved
    statuses += ["待研究"] * (count - len(statuses))
    random.shuffle(statuses)
    stages = {item.code: item.stage for item in world.items}
    table = [
        _row(stages, f"CX{number:03d}", measure, status)
        for number, (measure, status) in enumerate(zip(measures, statuses, strict=False), 1)
    ]
    return {"measure": table, "reform_document": list(_documents(world, measures))}


def _reforms(world: World) -> Iterator[Measure]:
    document = world.profile.documents[0].number if world.profile.documents else ""
    for reform in REFORMS.values():
        item = ITEMS[reform.item_code]
        yield Measure(
            f"压缩{item.name}时限",
            "审批提速",
            "缩短时限",
            REFORM_DATE,
            document,
            item.code,
            limit=(item.promised, reform.promised),
            units=("工作日", "工作日"),
            steps=(item.steps, item.steps - 1),
            documents=(item.materials, item.materials - 1),
            days_saved=item.promised - reform.promised,
        )


def _small(world: World, random: Random, known: list[Measure], count: int) -> Iterator[Measure]:
    profile = world.profile
    actions = sorted({measure.action for measure in profile.measures})
    first = profile.documents[0]
    left = _savable(world, known)
    for number in range(1, count + 1):
        # an item whose limit is cut as far as the promise goes has no day left to save, only papers
        item = ITEMS[random.choice([code for code, days in left.items() if days] or list(ITEMS))]
        now = item.materials - (item.code in REFORMS and world.time.end >= REFORM_DATE)
        saved = min(random.randint(2, 5), left[item.code])
        left[item.code] -= saved
        yield Measure(
            f"精简{item.name}材料（第{number}项，虚构）",
            random.choice(actions),
            "精简材料",
            profile.measures[0].started,
            first.number,
            item_code=item.code,
            documents=(now + random.randint(1, 2), now),
            days_saved=saved or None,
        )


def _savable(world: World, known: list[Measure]) -> dict[str, int]:
    """By how many days each item's statutory limit exceeds what is promised, less what other measures saved of them."""
    left = {item.code: item.statutory - version_on(item, world.time.end)[1] for item in ITEMS.values()}
    for measure in known:
        if measure.item_code in left:
            left[measure.item_code] -= min(measure.days_saved or 0, left[measure.item_code])
    return left


def _row(stages: dict[str, int], number: str, measure: Measure, status: str) -> tuple:
    changed = datetime(measure.started.year, measure.started.month, measure.started.day, 9)
    limits = [part for pair in zip(measure.limit, measure.units, strict=True) for part in pair]
    return (
        number,
        measure.name,
        measure.action,
        "全区",
        measure.kind,
        measure.item_code,
        stages.get(measure.item_code),
        measure.started,
        *limits,
        *measure.items,
        *measure.steps,
        *measure.documents,
        *measure.pages,
        *measure.visits,
        None,
        None,
        *measure.legal_types,
        status,
        measure.days_saved,
        *measure.claim,
        measure.document,
        changed,
    )


def _documents(world: World, measures: list[Measure]) -> Iterator[tuple]:
    for document in world.profile.documents:
        resting = [measure for measure in measures if measure.document == document.number]
        if document.published <= world.time.end:
            stated = len(resting) if document.stated_measures is None else document.stated_measures
            saved = sum(measure.days_saved or 0 for measure in resting)
            published = document.published
            changed = datetime(published.year, published.month, published.day, 9)
            office = "示例区政府办公室（虚构）"
            yield (document.number, document.title, office, document.signed, published, stated, saved, changed)
