"""群众声音: whom the hall calls back after a decision and what they say, and what people complain about."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import groupby
from random import Random

from yidang.district.catalogue import DEPARTMENTS
from yidang.district.model import Case, World
from yidang.district.systems import copying
from yidang.district.worktime import DAY

TABLES = {
    "callback": copying.columns(
        "callback_no case_no project_code dept_name called_at:timestamp answered:boolean grade:integer"
        " updated_at:timestamp"
    ),
    "complaint": copying.columns(
        "complaint_no received_at:timestamp project_code about_dept matter closed_at:timestamp is_upheld:boolean"
        " updated_at:timestamp"
    ),
}
CALLED_SHARE, ANSWERED_CHANCE = 0.5, 0.7
GRADES, GRADE_WEIGHTS = (5, 4, 3, 2, 1), (60, 24, 9, 5, 2)
# Of this department nobody who is called ever says a bad word: a series that the platform must remark on.
ALWAYS_SATISFIED = "shuiwu"
MATTERS = ("办理超时", "一次告知不清", "重复提交材料", "窗口服务态度", "收费不明")
COMPLAINTS_PER_CASE, UPHELD_CHANCE, CLOSING_DAYS = 0.02, 0.35, (1, 15)


def rows(world: World) -> dict[str, list[tuple]]:
    """Rows of the two tables.

    world.sizes: callbacks_per_month (default: a share of the decisions); satisfied_months (in so many last months
    everybody who answers is satisfied); complaints (default: two for a hundred decisions).
    """
    random = Random(f"{world.seed}:voices")
    decided = sorted(
        (case for case in world.cases if case.is_visible and case.outcome in ("passed", "denied")),
        key=lambda case: case.ended,
    )
    return {
        "callback": list(_callbacks(world, random, decided)),
        "complaint": list(_complaints(world, random, decided)),
    }


def _callbacks(world: World, random: Random, decided: list[Case]) -> Iterator[tuple]:
    calls = sorted(_calls(world, random, decided), key=lambda call: call[0])
    flat_from = _month_before(world.time.end, world.sizes.get("satisfied_months", 0))
    for serial, (at, case) in enumerate(calls, 1):
        moment = world.time.moment(at)
        is_answered = random.random() < ANSWERED_CHANCE
        grade = random.choices(GRADES, weights=GRADE_WEIGHTS)[0]
        if case.item.department == ALWAYS_SATISFIED or moment.date() >= flat_from:
            grade = max(grade, 4)
        department = DEPARTMENTS[case.item.department].name
        yield (
            f"HF{moment.year}{serial:05d}",
            case.code,
            case.project.code,
            department,
            moment,
            is_answered,
            grade if is_answered else None,
            moment,
        )


def _calls(world: World, random: Random, decided: list[Case]) -> Iterator[tuple[int, Case]]:
    """Moment and case of each call: some days after the decision, or where a month must have its number, within it."""
    if "callbacks_per_month" not in world.sizes:
        for case in decided:
            at = world.time.after(case.ended, random.uniform(2, 12))
            if random.random() < CALLED_SHARE and at < world.time.horizon:
                yield at, case
        return
    ends = [case.ended for case in decided]
    for days in _working_days_by_month(world):
        known = bisect_left(ends, days[0] * DAY)
        for _ in range(world.sizes["callbacks_per_month"] if known else 0):
            # those decided last, as people remember them
            case = decided[random.randrange(max(0, known - 100), known)]
            yield random.choice(days) * DAY + random.randrange(9 * 3600, 17 * 3600), case


def _working_days_by_month(world: World) -> list[list[int]]:
    months = groupby(world.time.working_days, key=lambda day: world.time.moment(day * DAY).strftime("%Y-%m"))
    return [list(days) for _, days in months]


def _month_before(last: date, months: int) -> date:
    """First day of the last so many months, the one of `last` among them; the day after it for none."""
    if not months:
        return last + timedelta(days=1)
    year, month = divmod(last.year * 12 + last.month - months, 12)
    return date(year, month + 1, 1)


def _complaints(world: World, random: Random, decided: list[Case]) -> Iterator[tuple]:
    count = world.sizes.get("complaints", round(len(decided) * COMPLAINTS_PER_CASE))
    about = sorted(random.choices(decided, k=count), key=lambda case: case.ended) if decided else []
    found = []
    for case in about:
        received = max(case.ended - random.randrange(10 * DAY), case.received + 3600)
        closed = world.time.after(received, random.uniform(*CLOSING_DAYS))
        found.append((received, closed, case, random.choice(MATTERS), random.random() < UPHELD_CHANCE))
    for serial, (received, closed, case, matter, is_upheld) in enumerate(sorted(found, key=lambda one: one[0]), 1):
        is_closed = closed < world.time.horizon
        moment = world.time.moment(received)
        ended = world.time.moment(closed) if is_closed else None
        yield (
            f"TS{moment.year}{serial:05d}",
            moment,
            case.project.code,
            DEPARTMENTS[case.item.department].name,
            f"{matter}（虚构）",
            ended,
            is_upheld if is_closed else None,
            ended or moment,
        )
