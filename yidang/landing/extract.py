"""What a source hands to landing: chunks of rows to copy, and rows it had to refuse."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import psycopg
from psycopg import sql

from yidang.contracts import Department, Table
from yidang.errors import YidangError
from yidang.landing.drift import ColumnsRefused

OWN_COLUMNS = ("_batch_id", "_row_number", "_landed_at")
MOST_COLUMNS = 1500  # PostgreSQL's limit is 1600
LOST_DIGITS = "a number too long for a spreadsheet, so its last digits are lost; the column should be formatted as text"
_SHORTENED = re.compile(r"[+-]?\d(\.\d+)?E\+(1[1-9]|[2-9]\d)")

T = TypeVar("T")
# One record of a file: line, values (None when they could not be read), text, and the rule it breaks with the reason.
Record = tuple[int, list[str | None] | None, str, str | None, str]


@dataclass(frozen=True)
class Chunk:
    """Rows of one COPY. `columns` are the source's names; `_row_number` among them when the source numbers its rows."""

    columns: Sequence[str]
    write: Callable[[psycopg.Copy], None]

    def copy_into(self, connection: psycopg.Connection, relation: sql.Identifier) -> int:
        """Stream the rows into a table that has these columns. Returns their number."""
        names = sql.SQL(", ").join(map(sql.Identifier, self.columns))
        with connection.cursor() as cursor:
            with cursor.copy(sql.SQL("copy {} ({}) from stdin").format(relation, names)) as copy:
                self.write(copy)
            return cursor.rowcount


@dataclass(frozen=True)
class Refused:
    """A row that cannot be landed: where it stands, what rule it breaks, why in words, and its text."""

    row_number: int
    rule: str
    reason: str
    text: str
    file_name: str | None = None


@dataclass(frozen=True)
class Request:
    """What is asked of a source: what is new since the ledger's cursor, or the rows of a range of dates.

    cursor: how far the table has been read; None before the first success. since (inclusive), until (exclusive): a
    range, as ISO dates; the cursor stays where it is then.
    """

    cursor: str | None = None
    since: str | None = None
    until: str | None = None

    @property
    def is_range(self) -> bool:
        return bool(self.since or self.until)


@dataclass(frozen=True)
class Day:
    """What a source says it has of one day of its cursor (None: of all days); checksum as in statements.py."""

    day: str | None
    rows: int
    checksum: int | None


@dataclass
class Extract:
    """One unit of work, landed in one transaction: a table, or one file.

    items:   chunks and refused rows in the order of the source, produced while they are consumed (bounded memory).
    cursor_from, cursor_to: what was asked for, and (valid once items is exhausted) how far it came.
    overlapping: the same row may come twice (pages that overlap).
    is_whole: everything that the source has is in `items`; what it lacks has been deleted there.
    types:   the type of each column by the source's catalogue; {} where it has none.
    keys:    the keys of all its rows, in chunks.
    days:    what it counts itself (by_day: by the days of its cursor), of what was asked for or (True) of everything.
             Counted while landing goes on; nothing else may be asked meanwhile. Keys and days are of the same snapshot
             as `items`.
    """

    items: Iterator[Chunk | list[Refused]]
    cursor_from: str | None = None
    cursor_to: Callable[[], str | None] = lambda: None
    overlapping: bool = False
    is_whole: bool = False
    types: dict[str, str] = field(default_factory=dict)
    keys: Callable[[], Iterator[Chunk | list[Refused]]] | None = None
    by_day: bool = False
    days: Callable[[bool], Future[list[Day]]] | None = None


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The items, each made in a thread while the one before it is used: a source is read while the copy is written."""
    end = object()
    with ThreadPoolExecutor(1, "ahead") as maker:
        coming = maker.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = maker.submit(next, items, end)
            yield item


def rows_chunk(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Chunk:
    """A chunk of Python rows, as long as `columns`; None is null."""

    def write(copy: psycopg.Copy) -> None:
        for row in rows:
            copy.write_row(row)

    return Chunk(columns, write)


def unlandable(values: Sequence[object]) -> str | None:
    """Why PostgreSQL could not store these values as text, in words; None if it can."""
    for value in values:
        if isinstance(value, str):
            if "\x00" in value:
                return "a value contains a NUL character"
            if not value.isascii():
                try:
                    value.encode()
                except UnicodeEncodeError:
                    return "a value contains half a surrogate pair, which is no character"
    return None


def has_lost_digits(value: str) -> bool:
    """Whether a text is a long code that a spreadsheet showed as 1.23457E+17, which nothing can turn back."""
    return "E+" in value and _SHORTENED.fullmatch(value.strip()) is not None


def printable(text: str) -> str:
    """`text` with what jsonb cannot hold made visible, for the quarantine."""
    return text.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")


def require_columns(
    department: Department, table: Table, found: Sequence[str], where: str = "", hint: str = ""
) -> None:
    """Raise YidangError unless `found`, the columns of the source, can be landed: all the expected ones, each once.

    The contract's `drift` says whether a column may be missing, or one more be there (if not: ColumnsRefused); a key or
    cursor never is missing.
    """
    place = f"{department.id}.{table.name}{f' ({where})' if where else ''}"
    if len(found) > MOST_COLUMNS:
        raise YidangError(
            f"{place}: there are {len(found)} columns, and at most {MOST_COLUMNS} fit into one table;"
            " nothing of it was landed.",
            hint or "Have the source corrected.",
        )
    needed = {*table.key, *(table.cursor.columns if table.cursor else [])}
    missing = [
        column
        for column in table.columns
        if column not in found and (table.drift.missing == "refuse" or column in needed)
    ]
    added = [column for column in dict.fromkeys(found) if column not in table.columns and not _is_no_column(column)]
    may_add = table.drift.added == "accept"
    if missing or (added and not may_add):
        # Without any column of the contract it is no header, and what it holds may be somebody's data.
        is_header = any(column in table.columns for column in found)
        raise ColumnsRefused(place, missing=missing, added=added if is_header else [], may_add=may_add, hint=hint)
    doubled = sorted({column for column in found if found.count(column) > 1})
    bad = [column for column in found if _is_no_column(column)]
    if doubled or bad:
        reason = (
            f"the columns {', '.join(doubled)} come twice"
            if doubled
            else f"{', '.join(repr(column)[:100] for column in bad)} cannot be a column's name"
            " (blank, over 63 bytes, not text, or one of Yidang's own)"
        )
        raise YidangError(f"{place}: {reason}; nothing of it was landed.", "Have the source corrected.")


def _is_no_column(name: str) -> bool:
    return not name.strip() or unlandable([name]) is not None or len(name.encode()) > 63 or name in OWN_COLUMNS
