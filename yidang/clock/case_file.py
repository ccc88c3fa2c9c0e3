"""The CSV of `yidang clock try` as cases, or refused as a whole with every mistake's line, column and cure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TypeVar

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
Parsed = TypeVar("Parsed")


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
        return _case(line, row, kinds, first_lines)

    cases = csv_file.read(path, COLUMNS, parse, effect="no case was computed")
    if not cases:
        raise ConfigError(
            f"{path.name} holds no case.", f"Below the header {','.join(COLUMNS)} write one row per case."
        )
    return cases


def _case(line: int, row: dict[str, str], kinds: Mapping[str, str], first_lines: dict[str, int]) -> Case:
    """Raises an ExceptionGroup of all that is wrong with the row. first_lines: of each id, the line it is on."""
    mistakes: list[Mistake] = []
    identifier = _tried(mistakes, _identifier, line, row["id"], first_lines)
    events = _events(row["events"], kinds, mistakes)
    statutory_days = _tried(mistakes, _days, "statutory_days", row["statutory_days"])
    promised_days = _tried(mistakes, _days, "promised_days", row["promised_days"])
    moment = _tried(mistakes, _moment, "as_of", row["as_of"])
    if moment and events and min(event.at for event in events).date() > moment.date():
        what = f"{moment.date()} lies before the first event: there is no case yet"
        mistakes.append(Mistake("as_of", what, "Give a later day."))
    if mistakes:
        raise ExceptionGroup(f"line {line}", mistakes)
    return Case(identifier, events, statutory_days, promised_days, moment.date())


def _tried(mistakes: list[Mistake], parse: Callable[..., Parsed], *arguments: object) -> Parsed | None:
    """What `parse` gives; None where it raises a Mistake, which is added to `mistakes`."""
    try:
        return parse(*arguments)
    except Mistake as mistake:
        mistakes.append(mistake)
        return None


def _identifier(line: int, text: str, first_lines: dict[str, int]) -> str:
    identifier = text.strip()
    if not identifier:
        raise Mistake("id", "it is empty", "Give each case its own.")
    if first_lines.setdefault(identifier, line) != line:
        raise Mistake("id", f"{identifier!r} is already on line {first_lines[identifier]}", "Give each case its own.")
    return identifier


def _events(text: str, kinds: Mapping[str, str], mistakes: list[Mistake]) -> tuple[Event, ...]:
    """The events that are right; what is wrong with the others is added to `mistakes`."""
    found = _tried(mistakes, _listed, text) or []
    events = []
    for number, event in enumerate(found, start=1):
        wrong: list[Mistake] = []
        parsed = _event(number, event, kinds, wrong)
        mistakes += wrong
        events += [] if wrong else [parsed]
    return tuple(events)


def _listed(text: str) -> list:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise Mistake("events", f"not JSON ({error.msg} at character {error.pos + 1})", _EVENTS_CURE) from None
    if not isinstance(found, list):
        raise Mistake("events", "not a list", _EVENTS_CURE)
    return found


def _event(number: int, event: object, kinds: Mapping[str, str], wrong: list[Mistake]) -> Event | None:
    own = {"days", "document"} if isinstance(event, dict) and event.get("kind") == _EXTENDED else set()
    if not isinstance(event, dict) or not {"kind", "at"} <= set(event) <= {"kind", "at"} | own:
        wrong.append(Mistake("events", f"event {number} is not an object of kind and at alone", _EVENTS_CURE))
        return None
    kind, days, document = event["kind"], event.get("days"), event.get("document")
    if kind not in tuple(kinds):
        wrong.append(Mistake("events", f"event {number} has the unknown kind {kind!r}", f"Use {', '.join(kinds)}."))
    moment = _tried(wrong, _moment, "events", event["at"], f"event {number}: ")
    if moment and moment.year < _EARLIEST_YEAR:
        what = f"event {number}: {event['at']} is taken for no date"
        wrong.append(Mistake("events", what, "Dates begin with 2000."))
    if days is not None and (type(days) is not int or not 1 <= days <= 9999):
        what = f"event {number}: {days!r} is not a number of working days"
        wrong.append(Mistake("events", what, "Write 10, say."))
    if document is not None and not (isinstance(document, str) and document.strip()):
        what = f"event {number}: {document!r} is not a document's number"
        wrong.append(Mistake("events", what, "Write it in quotes."))
    return Event(kind, moment, days, document)


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
