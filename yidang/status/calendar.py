"""How far the working-day calendar reaches, and whether that is far enough."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import psycopg

from yidang.errors import ConfigError
from yidang.settings import TIMEZONE, Settings

WARNING_DAYS = 60


@dataclass(frozen=True)
class CalendarState:
    """The last day whose working days are known; a warning while there is time, a problem once figures need more."""

    last_day: date
    warning: str
    problem: str


def look(settings: Settings) -> CalendarState:
    return judge_calendar(_last_day(settings), as_of=settings.as_of(), today=datetime.now(TIMEZONE).date())


def judge_calendar(last_day: date, *, as_of: date, today: date) -> CalendarState:
    """A problem when the figures' own day lies beyond the calendar; a warning when that is near, or today does."""
    left = (last_day - max(as_of, today)).days
    text = f"The calendar ends on {last_day}, in {left} days" if left >= 0 else f"The calendar ended on {last_day}"
    text += ": add next year's notice, docs/operations.md."
    if as_of > last_day:
        return CalendarState(last_day, "", text)
    return CalendarState(last_day, text if left <= WARNING_DAYS else "", "")


def _last_day(settings: Settings) -> date:
    """The last day of the calendar that was built; before the first build, or without a warehouse, of its seed."""
    try:
        with psycopg.connect(settings.dsn("reader"), connect_timeout=5) as connection:
            if connection.execute("select to_regclass('marts.dim_calendar')").fetchone()[0]:
                (built,) = connection.execute("select max(date_day) from marts.dim_calendar").fetchone()
                if built:
                    return built
    except (psycopg.Error, ConfigError):
        pass  # collect() reports the warehouse
    return _last_day_of_seed(settings.dbt_dir / "seeds" / "calendar_years.csv")


def _last_day_of_seed(path: Path) -> date:
    with path.open(encoding="utf-8") as file:
        return date(max(int(row["calendar_year"]) for row in csv.DictReader(file)), 12, 31)
