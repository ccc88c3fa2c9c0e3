"""The CSV of `yidang clock try` as cases, or refused as a whole with every mistake's line, column and cure."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from yidang.errors import ConfigError
from yidang.settings import TIMEZONE

COLUMNS = ("id", "events", "statutory_days", "promised_days", "as_of")
_SHOWN = 10  # mistakes named in one message
_EVENTS_CURE = 'Write [{"kind": "accepted", "at": "2025-03-03T10:00:00"}, …].'
_TIME_CURE = "Write 2025-03-03 or 2025-03-03T10:00:00 (Asia/Shanghai)."
# The models take an earlier date for a stand-in ("no date known") and leave the event out.
_EARLIEST_YEAR = 2000


@dataclass(frozen=True)
class Case:
    """One row. events: (kind, local time without zone) as written; limits in working days, None without one."""

    id: str
    events: tuple[tuple[str, datetime], ...]
    statutory_days: int | None
    promised_days: int | None
    as_of: date


class _Mistake(Exception):
    def __init__(self, column: str | None, what: str, cure: str) -> None:
        super().__init__(what)
        self.column, self.what, self.cure = column, what, cure


def read(path: Path, kinds: Mapping[str, str]) -> list[Case]:
    """The cases of the file, in its order. kinds: the event kinds there are.

    Raises ConfigError, all or nothing.
    """
    cases: list[Case] = []
    mistakes: list[str] = []
    first_lines: dict[str, int] = {}
    for line, row in _rows(path):
        try:
            case = _case(row, kinds)
            if case.id in first_lines:
                raise _Mistake(
                    "id", f"{case.id!r} is already on line {first_lines[case.id]}", "Give each case its own."
                )
            first_lines[case.id] = line
            cases.append(case)
        except _Mistake as mistake:
            place = f"line {line}" + (f", column {mistake.column}" if mistake.column else "")
            mistakes.append(f"  {place}: {mistake.what}. {mistake.cure}")
    if mistakes:
        more = [f"  … and {len(mistakes) - _SHOWN} more"] if len(mistakes) > _SHOWN else []
        count = "1 row is" if len(mistakes) == 1 else f"{len(mistakes)} rows are"
        raise ConfigError(
            f"{path.name}: {count} wrong; no case was computed.\n" + "\n".join([*mistakes[:_SHOWN], *more]),
            "Mend the file and run the command again.",
        )
    if not cases:
        raise ConfigError(
            f"{path.name} holds no case.", f"Below the header {','.join(COLUMNS)} write one row per case."
        )
    return cases


def _rows(path: Path) -> Iterator[tuple[int, dict[str | None, str]]]:
    """Each row with the line it begins on."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval=None, strict=True)
            header = reader.fieldnames or []
            if missing := [name for name in COLUMNS if name not in header]:
                raise ConfigError(
                    f"{path.name}, line 1: the header lacks the column {', '.join(missing)}.",
                    f"The header needs {','.join(COLUMNS)}; other columns are ignored.",
                )
            while True:
                line = reader.reader.line_num + 1
                row = next(reader, None)
                if row is None:
                    return
                yield line, row
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.", "Give the path of a CSV file.") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path.name} is not UTF-8 (byte {error.start}).", "Save it again as UTF-8.") from None
    except csv.Error as error:
        raise ConfigError(
            f"{path.name}, line {reader.reader.line_num}: not CSV ({error}).",
            'Quote the events, and double the quotes inside: "[{""kind"": …}]".',
        ) from None


def _case(row: dict[str | None, str], kinds: Mapping[str, str]) -> Case:
    if None in row or None in row.values():
        raise _Mistake(None, "it has another number of cells than the header", "Quote cells that hold commas.")
    identifier = row["id"].strip()
    if not identifier:
        raise _Mistake("id", "it is empty", "Give each case its own.")
    as_of = _moment("as_of", row["as_of"]).date()
    events = tuple(_events(row["events"], kinds))
    if events and min(moment for _, moment in events).date() > as_of:
        raise _Mistake("as_of", f"{as_of} lies before the first event: there is no case yet", "Give a later day.")
    return Case(
        identifier,
        events,
        _days("statutory_days", row["statutory_days"]),
        _days("promised_days", row["promised_days"]),
        as_of,
    )


def _events(text: str, kinds: Mapping[str, str]) -> Iterator[tuple[str, datetime]]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise _Mistake("events", f"not JSON ({error.msg} at character {error.pos + 1})", _EVENTS_CURE) from None
    if not isinstance(found, list):
        raise _Mistake("events", "not a list", _EVENTS_CURE)
    for number, event in enumerate(found, start=1):
        if not isinstance(event, dict) or set(event) != {"kind", "at"}:
            raise _Mistake("events", f"event {number} is not an object of kind and at alone", _EVENTS_CURE)
        if event["kind"] not in tuple(kinds):
            raise _Mistake(
                "events", f"event {number} has the unknown kind {event['kind']!r}", f"Use {', '.join(kinds)}."
            )
        moment = _moment("events", event["at"], f"event {number}: ")
        if moment.year < _EARLIEST_YEAR:
            raise _Mistake("events", f"event {number}: {event['at']} is taken for no date", "Dates begin with 2000.")
        yield event["kind"], moment


def _moment(column: str, text: object, place: str = "") -> datetime:
    """A local time without zone; one given with an offset is turned to local time."""
    try:
        moment = datetime.fromisoformat(str(text).strip())
    except (ValueError, OverflowError):
        raise _Mistake(column, f"{place}{text!r} is not a date", _TIME_CURE) from None
    return moment.astimezone(TIMEZONE).replace(tzinfo=None) if moment.tzinfo else moment


def _days(column: str, text: str) -> int | None:
    text = text.strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise _Mistake(column, f"{text!r} is not a number of working days", "Write 0 to 9999, or nothing for no limit.")
    return int(text)
