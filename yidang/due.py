"""When something that recurs was due last and is due next. Used in Superset's environment too."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import croniter


def last_due(crontab: str, timezone: str, since: datetime, now: datetime) -> datetime | None:
    """The latest time that it was due, if that is after `since`: of several that a standing machine missed, one."""
    found = croniter(crontab, now.astimezone(_zone(timezone))).get_prev(datetime).astimezone(UTC)
    return found if found > since else None


def next_due(crontab: str, timezone: str, now: datetime) -> datetime:
    return croniter(crontab, now.astimezone(_zone(timezone))).get_next(datetime).astimezone(UTC)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):  # Superset takes names of pytz, which knows a few more
        return ZoneInfo("UTC")
