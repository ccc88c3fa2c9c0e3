"""改革举措台账: what the reform changed, from which day, from how much to how much, by the documents it rests on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from random import Random

from yidang.district.catalogue import ITEMS, REFORM_DATE, REFORMS
from yidang.district.model import World
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
FIRST_DOCUMENT, SECOND_DOCUMENT = "示例政办〔2024〕12号（虚构）", "示例政办〔2025〕6号（虚构）"
ACTION_DATE = date(2024, 6, 3)
ACTIONS = ("审批提速", "材料精简", "流程再造", "服务延伸")
AT_ONCE_SHARE = 0.3


@dataclass(frozen=True)
class _Measure:
    """What makes one measure differ from another; pairs are (before, after)."""

    name: str
    action: str
    kind: str
    started: date = ACTION_DATE
    item_code: str | None = None
    limit: tuple[int | None, int | None] = (None, None)
    units: tuple[str | None, str | None] = (None, None)
    items: tuple[int | None, int | None] = (None, None)
    steps: tuple[int | None, int | None] = (None, None)
    documents: tuple[int | None, int | None] = (None, None)
    pages: tuple[int | None, int | None] = (None, None)
    visits: tuple[int | None, int | None] = (None, None)
    legal_types: tuple[str | None, str | None] = (None, None)
    days_saved: int | None = None
    claim: tuple[float | None, str | None] = (None, None)
    document: str = FIRST_DOCUMENT


# One of each kind that a ledger holds, with what makes it hard to compare.
MEASURES = (
    _Measure("施工许可申请材料精简", "材料精简", "精简材料", item_code="ZJ03", documents=(9, 8), pages=(120, 30)),
    _Measure("环评分类降级管理", "流程再造", "办件类型变化", item_code="ST02", limit=(36, 4), units=("天", "天"),
             legal_types=("报告表", "登记表"), days_saved=32),
    _Measure("环评与排污许可一次办", "服务延伸", "缩短时限", item_code="ST01", limit=(2, 11), units=("月", "工作日"),
             visits=(2, 1)),
    _Measure("水土保持承诺备案", "审批提速", "办件类型变化", item_code="SW01", limit=(5, 0), units=("工作日", "工作日"),
             steps=(12, 2), documents=(15, 1), legal_types=("审批", "备案"), days_saved=5),
    _Measure("独立事项归为四个阶段", "流程再造", "归并阶段", items=(21, 4)),
    _Measure("验收环节提效", "审批提速", "缩短时限", claim=(60, "效率提升")),
    _Measure("全流程时限压减", "审批提速", "缩短时限", limit=(45, 30), units=("工作日", "工作日"), days_saved=15,
             claim=(33.3, "时间减少")),
)  # fmt: skip


def rows(world: World) -> dict[str, list[tuple]]:
    """Rows of the two tables.

    world.sizes: measures (default: those above, the planted reform's, and five of material), measures_at_once and
    measures_improved (how many of them are 立行立改 and 整改优化), measures_stated (what the document says they are).
    """
    random = Random(f"{world.seed}:measures")
    measures = [measure for measure in (*MEASURES, *_reforms()) if measure.started <= world.time.end]
    count = world.sizes.get("measures", len(measures) + 5)
    measures = (measures + list(_small(random, max(count - len(measures), 0))))[:count]
    at_once = world.sizes.get("measures_at_once", round(count * AT_ONCE_SHARE))
    improved = world.sizes.get("measures_improved", count - at_once)
    statuses = ["立行立改"] * at_once + ["整改优化"] * improved
    statuses += ["待研究"] * (count - len(statuses))
    random.shuffle(statuses)
    table = [
        _row(f"CX{number:03d}", measure, status)
        for number, (measure, status) in enumerate(zip(measures, statuses, strict=False), 1)
    ]
    return {"measure": table, "reform_document": list(_documents(world, measures))}


def _reforms() -> Iterator[_Measure]:
    for reform in REFORMS.values():
        item = ITEMS[reform.item_code]
        yield _Measure(
            f"压缩{item.name}时限",
            "审批提速",
            "缩短时限",
            REFORM_DATE,
            item.code,
            limit=(item.promised, reform.promised),
            units=("工作日", "工作日"),
            steps=(item.steps, item.steps - 1),
            documents=(item.materials, item.materials - 1),
            days_saved=item.promised - reform.promised,
            document=SECOND_DOCUMENT,
        )


def _small(random: Random, count: int) -> Iterator[_Measure]:
    for number in range(1, count + 1):
        item = random.choice(list(ITEMS.values()))
        before = item.materials
        yield _Measure(
            f"精简{item.name}材料（第{number}项，虚构）",
            random.choice(ACTIONS),
            "精简材料",
            item_code=item.code,
            documents=(before, max(before - random.randint(1, 2), 0)),
            days_saved=random.randint(0, 5),
        )


def _row(number: str, measure: _Measure, status: str) -> tuple:
    stage = ITEMS[measure.item_code].stage if measure.item_code else None
    changed = datetime(measure.started.year, measure.started.month, measure.started.day, 9)
    limits = [part for pair in zip(measure.limit, measure.units, strict=True) for part in pair]
    return (
        number,
        measure.name,
        measure.action,
        "全区",
        measure.kind,
        measure.item_code,
        stage,
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


def _documents(world: World, measures: list[_Measure]) -> Iterator[tuple]:
    stated = world.sizes.get("measures_stated")
    for number, title, signed, published in (
        (FIRST_DOCUMENT, "关于深化工程建设项目审批制度改革的实施意见（虚构）", date(2024, 5, 28), date(2024, 6, 20)),
        (SECOND_DOCUMENT, "关于进一步压缩审批时限的通知（虚构）", date(2025, 2, 20), date(2025, 2, 24)),
    ):
        resting = [measure for measure in measures if measure.document == number]
        if published <= world.time.end:
            count = stated if stated is not None and number == FIRST_DOCUMENT else len(resting)
            saved = sum(measure.days_saved or 0 for measure in resting)
            changed = datetime(published.year, published.month, published.day, 9)
            yield (number, title, "示例区政府办公室（虚构）", signed, published, count, saved, changed)
