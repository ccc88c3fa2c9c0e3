"""Cursor values that arrive as text: compared as moments where they are moments, and kept in their own spelling."""

from __future__ import annotations

from datetime import datetime, timedelta

from yidang.settings import TIMEZONE


def parse(text: str | None) -> datetime | None:
    """The moment, in Asia/Shanghai when the text names no zone; None for anything that is not an ISO date or time."""
    try:
        moment = datetime.fromisoformat(text) if text and "-" in text else None
    except ValueError:
        return None
    if moment and moment.tzinfo is None:
        moment = moment.replace(tzinfo=TIMEZONE)
    return moment


def earlier(text: str, by: timedelta) -> str:
    """`text` moved back by `by`, spelled as before; unchanged if it is no moment, or the first of all."""
    if parse(text) is None:
        return text
    try:
        moved = datetime.fromisoformat(text) - by
    except OverflowError:  # 0001-01-01, which some systems send for "never"
        return text
    if len(text) == 10:  # a bare date stays one
        return moved.date().isoformat()
    separator = "T" if "T" in text else " "
    return moved.isoformat(sep=separator, timespec="microseconds" if "." in text else "seconds")


def mark(text: str | None) -> datetime | int | None:
    """What the text is sorted by: a moment, or a whole number such as milliseconds or a version; None for neither."""
    return int(text) if text and text.isascii() and text.isdigit() else parse(text)


def just_before(text: str) -> str:
    """`text` one second earlier (a bare date one day), or the whole number before; unchanged if it is neither."""
    if isinstance(mark(text), int):
        return str(int(text) - 1)
    return earlier(text, timedelta(seconds=1))


def later(one: str | None, other: str | None) -> str | None:
    """The later of two cursor values; None counts as before everything."""
    if one is None or other is None:
        return one or other
    first, second = parse(one), parse(other)
    if first and second:
        return one if first >= second else other
    if one.isdigit() and other.isdigit():
        return max(one, other, key=int)
    return max(one, other)


def is_credible(text: str) -> bool:
    """False for a moment more than a day in the future: as a cursor, such a typing error would hide all that is new."""
    moment = parse(text)
    return moment is None or moment <= datetime.now(TIMEZONE) + timedelta(days=1)
