"""Why a case that ended after its due date is on time: said in words, from its days alone.

A due date is the last day within the limit. After it a case is late as soon as one more day counts, so what ends later
and is on time has days after the due date of which none counts. The reverse does not happen: nothing is late before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from yidang.clock import words

_CALENDAR_DAYS = "calendar_days"


class Clock(NamedTuple):
    """The columns of fct_item_instance, and of a day, that one clock is read from."""

    label: str
    due_date: str
    is_overdue: str
    limit: str
    unit: str
    stops: str


CLOCKS = (
    Clock("承诺 promise", "due_date", "is_overdue", "promised_limit", "limit_unit", "stops_promise"),
    Clock(
        "法定 statute",
        "statutory_due_date",
        "is_statutory_overdue",
        "statutory_limit",
        "statutory_unit",
        "stops_statute",
    ),
)


def remarks(case: Mapping, days: Sequence[Mapping], pauses: Mapping[int, str]) -> Iterator[str]:
    """A line in Chinese and one in English for each clock whose verdict the dates alone do not explain.

    case, days: as in explain.Explanation. pauses: what each pause is called, by its number.
    """
    for clock in CLOCKS:
        due_date, is_overdue = case[clock.due_date], case[clock.is_overdue]
        if due_date is None or not days:
            continue
        if case[clock.unit] == _CALENDAR_DAYS:
            yield from _rolled_forward(case, clock, days)
        if case["end_date"] > due_date and is_overdue is False:
            yield _on_time_after(case, clock, [day for day in days if day["date_day"] > due_date], pauses)


def _on_time_after(case: Mapping, clock: Clock, after: Sequence[Mapping], pauses: Mapping[int, str]) -> str:
    """after: the days from the due date to the end; each is closed or paused on this clock."""
    paused = [day for day in after if day[clock.stops]]
    closed = [day for day in after if not day[clock.stops]]
    named = "、".join(
        f"P{number} {pauses[number]}"
        for number in sorted({number for day in paused for number in day["pause_numbers"]})
    )
    chinese = [f"暂停 {len(paused)} 天（{named}）"] if paused else []
    chinese += [f"非工作日 {len(closed)} 天（{_dates(closed)}）"] if closed else []
    english = [f"{len(paused)} paused ({named})"] if paused else []
    english += [f"{len(closed)} not a working day ({_dates(closed)})"] if closed else []
    said, did = ("截至", "As of") if case["is_open"] else ("办结", "Closed")
    due_date, end_date = case[clock.due_date], case["end_date"]
    lines = [
        f"{said} {end_date}，晚于到期日 {due_date} 而不超期：其后 {len(after)} 天都不计，{'，'.join(chinese)}。",
        f"{did} {end_date}, after the due date {due_date}, yet on time: of the {len(after)} days after it none counts,"
        f" {', '.join(english)}.",
    ]
    if paused:
        lines[0] += "暂停开始时（当日仍计）时限已用满，故不再推后到期日。"
        lines[1] += (
            " The limit was used up when the pause began, on a day that still counts: it no longer moves the due date."
        )
    return "\n".join([f"{clock.label}: {lines[0]}", lines[1]])


def _rolled_forward(case: Mapping, clock: Clock, days: Sequence[Mapping]) -> Iterator[str]:
    """Where a limit in calendar days ends on a closed day, more days than the limit are within it."""
    start, due_date, limit = case["clock_start_date"], case[clock.due_date], case[clock.limit]
    if days[-1]["date_day"] < due_date:
        return
    used = [day["date_day"] for day in days if start < day["date_day"] <= due_date and not day[clock.stops]]
    if 0 < limit < len(used):
        ended = used[limit - 1]
        yield (
            f"{clock.label}: 第 {limit} 个自然日 {_day(ended)} 不是工作日，到期顺延至 {due_date}（民法典 203 条）。\n"
            f"Day {limit} is not a working day, so the limit ends on the next one, {due_date}."
        )


def _dates(days: Sequence[Mapping]) -> str:
    """The first and the last of the days."""
    ends = [day["date_day"] for day in (days[:1] if len(days) == 1 else (days[0], days[-1]))]
    return " … ".join(map(_day, ends))


def _day(day: date) -> str:
    return f"{day} {words.WEEKDAYS[day.weekday()]}"
