"""考核申诉: what departments object to in the draft of an assessment, and what was decided."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

from yidang.district.catalogue import DEPARTMENTS
from yidang.district.model import World
from yidang.district.systems import copying
from yidang.district.worktime import DAY

TABLES = {
    "assessment_appeal": copying.columns(
        "appeal_no dept_name period_kind period_from:date indicator filed_at:timestamp decided_at:timestamp result"
        " updated_at:timestamp"
    ),
}
KINDS = {"双月": 2, "季度": 3}
INDICATORS = ("按时办结率", "一次办结率", "补正率", "满意率", "回访满意率")
RESULTS = {"采纳": 0.3, "部分采纳": 0.2, "不采纳": 0.5}
APPEAL_CHANCE, FILED_DAYS, DECIDED_DAYS = 0.12, (1, 9), (2, 8)


def rows(world: World) -> dict[str, list[tuple]]:
    """Rows of the table, numbered by the day of filing."""
    random = Random(f"{world.seed}:assessment")
    appeals = sorted(_appeals(world, random), key=lambda appeal: appeal[3])
    return {
        "assessment_appeal": [
            _row(world, serial, appeal, random) for serial, appeal in enumerate(appeals, 1)
        ]
    }  # fmt: skip


def _appeals(world: World, random: Random) -> Iterator[tuple[str, str, date, int]]:
    """Department, kind and first day of the period, and the moment of filing, after the period's end."""
    for kind, months in KINDS.items():
        for first, following in _periods(world.time.start, world.time.end, months):
            for department in DEPARTMENTS.values():
                after = (following - world.time.start).days * DAY - 1
                filed = world.time.after(after, random.uniform(*FILED_DAYS))
                if random.random() < APPEAL_CHANCE and filed < world.time.horizon:
                    yield department.name, kind, first, filed


def _periods(start: date, end: date, months: int) -> Iterator[tuple[date, date]]:
    """First days of the periods of so many months that lie wholly between two dates, each with the one that follows."""
    for year in range(start.year, end.year + 1):
        for month in range(1, 13, months):
            first = date(year, month, 1)
            following = date(year + (month + months > 12), (month + months - 1) % 12 + 1, 1)
            if first >= start and following - timedelta(days=1) <= end:
                yield first, following


def _row(world: World, serial: int, appeal: tuple[str, str, date, int], random: Random) -> tuple:
    department, kind, first, filed = appeal
    decided = world.time.after(filed, random.uniform(*DECIDED_DAYS))
    result = random.choices(list(RESULTS), weights=list(RESULTS.values()))[0]
    indicator = random.choice(INDICATORS)
    is_decided = decided < world.time.horizon
    moment = world.time.moment(filed)
    ended = world.time.moment(decided) if is_decided else None
    number = f"SS{moment.year}{serial:04d}"
    return (number, department, kind, first, indicator, moment, ended, result if is_decided else None, ended or moment)
