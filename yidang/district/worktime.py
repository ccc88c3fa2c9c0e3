"""Simulation time (whole seconds since midnight of the first day, local) and the working days within it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import date, datetime, timedelta

import chinese_calendar

from yidang.errors import ConfigError

DAY = 86_400
OPENING = 9 * 3600
OFFICE_SECONDS = 8 * 3600  # 09:00–17:00


class WorkTime:
    """Working time between two dates; nothing is scheduled after the last of them."""

    def __init__(self, start: date, end: date) -> None:
        self.start = start
        self.end = end
        self.days = (end - start).days + 1
        self.horizon = self.days * DAY
        self.never = self.horizon + DAY
        try:
            is_open = [chinese_calendar.is_workday(start + timedelta(days=day)) for day in range(self.days)]
        except NotImplementedError:
            raise ConfigError(
                f"The calendar does not know every day from {start} to {end}.",
                "Choose dates from 2004-01-01 to 2026-12-31.",
            ) from None
        self.working_days = [day for day in range(self.days) if is_open[day]]
        self._is_open = is_open

    def is_working_day(self, second: int) -> bool:
        day = second // DAY
        return day < self.days and self._is_open[day]

    def after(self, second: int, days: float) -> int:
        """The moment `days` office days (8 h each) after `second`; `never` when that lies after the end."""
        index = bisect_left(self.working_days, second // DAY)
        spent = 0
        if index < len(self.working_days) and self.working_days[index] == second // DAY:
            spent = min(max(second % DAY - OPENING, 0), OFFICE_SECONDS)
        whole, rest = divmod(spent + round(days * OFFICE_SECONDS), OFFICE_SECONDS)
        if index + whole >= len(self.working_days):
            return self.never
        return self.working_days[index + whole] * DAY + OPENING + rest

    def shift(self, second: int, days: int) -> int:
        """The same hour so many working days later (or earlier, if negative).

        What happens on a day off moves with the working day before it, and to an hour later, so that it stays after
        what was done on that day at the same hour.
        """
        index = bisect_right(self.working_days, second // DAY) - 1
        later = 0 if self.is_working_day(second) else 3600
        return self.working_days[index + days] * DAY + second % DAY + later

    def moment(self, second: int) -> datetime:
        """Naive local datetime of a simulation second."""
        return datetime(self.start.year, self.start.month, self.start.day) + timedelta(seconds=second)

    def second(self, day: date) -> int:
        """Simulation second of a date's midnight; negative before the first day."""
        return (day - self.start).days * DAY

    def working_days_between(self, first: int, last: int) -> int:
        """Working days d with date(first) < d <= date(last)."""
        return bisect_left(self.working_days, last // DAY + 1) - bisect_left(self.working_days, first // DAY + 1)
