"""The CSV of `yidang clock try` as cases, or refused as a whole with every mistake's line, column and cure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from yidang import csv_file
from yidang.csv_file import Mistake
from yidang.errors import ConfigError
from yidang.settings import TIMEZONE

COLUMNS = ("id", "events", "statutory_days", "promised_days", "as_of")
_EVENTS_CURE = 'Write [{"kind": "accepted", "at": "2025-03-03T10:00:00"}, …].'
_EXTENDED = "extended"  # may also carry "days" and "document"
_TIME_CURE = "Write 2025-03-03 or 2025-03-03T10:00:00 (Asia/Shanghai)."
# The models take an earlier date for a stand-in ("no date known") and leave the event out.
_EARLIEST_YEAR = 2000


@dataclass(frozen=True)
class Event:
    """at: local time without zone. Of an `extended` event: the working days it adds, and the number of its document."""

    kind: str
    at: datetime
    extension_days: int | None = None
    document_number: str | None = None


@dataclass(frozen=True)
class Case:
    """One row. events: as written; limits in working days, None without one."""

    id: str
    events: tuple[Event, ...]
    statutory_days: int | None
    promised_days: int | None
    as_of: date


def read(path: Path, kinds: Mapping[str, str]) -> list[Case]:
    """The cases of the file, in its order. kinds: the event kinds there are.

    Raises ConfigError, all or nothing.
    """
    first_lines: dict[str, int] = {}

    def parse(line: int, row: dict[str, str]) -> Case:
        case = _case(row, kinds)
        if case.id in first_lines:
            raise Mistake("id", f"{case.id!r} is already on line {first_lines[case.id]}", "Give each case its own.")
        first_lines[case.id] = line
        return case

    cases = csv_file.read(path, COLUMNS, parse, effect="no case was computed")
    if not cases:
        raise ConfigError(
            f"{path.name} holds no case.", f"Below the header {','.join(COLUMNS)} write one row per case."
        )
    return cases


def _case(row: dict[str, str], kinds: Mapping[str, str]) -> Case:
    identifier = row["id"].strip()
    if not identifier:
        raise Mistake("id", "it is empty", "Give each case its own.")
    as_of = _moment("as_of", row["as_of"]).date()
    events = tuple(_events(row["events"], kinds))
    if events and min(event.at for event in events).date() > as_of:
        raise Mistake("as_of", f"{as_of} lies before the first event: there is no case yet", "Give a later day.")
    return Case(
        identifier,
        events,
        _days("statutory_days", row["statutory_days"]),
        _days("promised_days", row["promised_days"]),
        as_of,
    )


def _events(text: str, kinds: Mapping[str, str]) -> Iterator[Event]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise Mistake("events", f"not JSON ({error.msg} at character {error.pos + 1})", _EVENTS_CURE) from None
    if not isinstance(found, list):
        raise Mistake("events", "not a list", _EVENTS_CURE)
    for number, event in enumerate(found, start=1):
        own = {"days", "document"} if isinstance(event, dict) and event.get("kind") == _EXTENDED else set()
        if not isinstance(event, dict) or not {"kind", "at"} <= set(event) <= {"kind", "at"} | own:
            raise Mistake("events", f"event {number} is not an object of kind and at alone", _EVENTS_CURE)
        if event["kind"] not in tuple(kinds):
            raise Mistake(
                "events", f"event {number} has the unknown kind {event['kind']!r}", f"Use {', '.join(kinds)}."
            )
        moment = _moment("events", event["at"], f"event {number}: ")
        if moment.year < _EARLIEST_YEAR:
            raise Mistake("events", f"event {number}: {event['at']} is taken for no date", "Dates begin with 2000.")
        days, document = event.get("days"), event.get("document")
        if days is not None and (type(days) is not int or not 1 <= days <= 9999):
            raise Mistake("events", f"event {number}: {days!r} is not a number of working days", "Write 10, say.")
        if document is not None and not (isinstance(document, str) and document.strip()):
            raise Mistake("events", f"event {number}: {document!r} is not a document's number", "Write it in quotes.")
        yield Event(event["kind"], moment, days, document)


def _moment(column: str, text: object, place: str = "") -> datetime:
    """A local time without zone; one given with an offset is turned to local time."""
    try:
        moment = datetime.fromisoformat(str(text).strip())
    except (ValueError, OverflowError):
        raise Mistake(column, f"{place}{text!r} is not a date", _TIME_CURE) from None
    return moment.astimezone(TIMEZONE).replace(tzinfo=None) if moment.tzinfo else moment


def _days(column: str, text: str) -> int | None:
    text = text.strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise Mistake(column, f"{text!r} is not a number of working days", "Write 0 to 9999, or nothing for no limit.")
    return int(text)
