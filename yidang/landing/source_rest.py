"""A department's HTTP API: pages of JSON objects, one row each; nested values stay as compact JSON text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import islice

from yidang.contracts import Department, Table
from yidang.errors import YidangError
from yidang.landing import json_text, moments
from yidang.landing.extract import Chunk, Extract, Refused, Request, printable, require_columns, rows_chunk, unlandable
from yidang.landing.http import Api
from yidang.landing.masking import Secrets
from yidang.landing.paging import Lists, endless
from yidang.settings import Settings

# As often are the same pages read again while they change; each time they are whole once nothing moved between.
MOST_PASSES = 20
# An API may round "since" to its day, or take it for a time of another zone.
MOST_BEFORE_SINCE = timedelta(days=2)


@contextmanager
def extract(settings: Settings, department: Department, table: Table, request: Request) -> Iterator[Extract]:
    """The rows changed since the ledger's cursor (less the overlap) or a day, in the order of the API."""
    with Api(Secrets(settings), department) as api:
        walk = _Walk(Lists(api, department, table), department, table, request)
        yield Extract(
            items=walk.chunks(),
            cursor_from=request.cursor,
            cursor_to=lambda: None if request.is_range else walk.reached,
            overlapping=True,
            is_whole=walk.since is None,
        )


class _Walk:
    """One pass over what changed; `reached` is the newest credible cursor value seen.

    While we read, rows change and move to the end of the list; the rows behind them slide to pages already read. So
    the walk asks anew from the last row's cursor as soon as it has moved: from a moment on, nothing slides out. Where
    the rows of one moment fill more than a page, those pages are read again until none has moved between.
    """

    def __init__(self, lists: Lists, department: Department, table: Table, request: Request) -> None:
        self.lists, self.department, self.table = lists, department, table
        self.place = f"{department.id}.{table.name}"
        self.sorted = table.cursor is not None and department.source.paging.sorted_by_cursor
        self.reached = request.cursor
        self.read = 1
        self.columns: dict[str, None] = {}
        self.refused: set[str] = set()
        self.since = request.since
        if request.cursor is not None and not request.is_range:
            self.since = moments.earlier(request.cursor, timedelta(minutes=table.cursor.overlap_minutes))

    def chunks(self) -> Iterator[Chunk | list[Refused]]:
        for rows in self._pages():
            for row in rows:
                self._advance(row)
            yield from self._chunk(rows)
        if self.columns:
            require_columns(self.department, self.table, list(self.columns))

    def _pages(self) -> Iterator[list[dict]]:
        since = self.since
        while True:
            read, places, onward = [], {}, None
            for page in self.lists.pages(since):
                yield page.rows
                which = self._which(page.rows)
                read.append(which)
                if page.rows and places.setdefault(which, len(read)) < len(read):
                    raise endless(self.place, f"page {len(read)} has the rows of page {places[which]}")
                onward = self._onward(page.rows, since)
                if page.ends:
                    onward = None
                elif onward:
                    break
            if self.sorted and len(read) > 1:
                yield from self._until_they_stand(since, read[:-1])
            if onward is None:
                return
            since = onward

    def _until_they_stand(self, since: str | None, read: list[int]) -> Iterator[list[dict]]:
        """The first pages from `since` again, until two readings agree: then no row slid between them unread."""
        for _ in range(MOST_PASSES):
            again = []
            for page in islice(self.lists.pages(since), len(read)):
                yield page.rows
                again.append(self._which(page.rows))
            if again == read:
                return
            read = again
        raise YidangError(
            f"{self.place}: the rows of one moment (from {since} on) fill several pages, and these come in another"
            f" order each time; after {MOST_PASSES} readings some could still be missing.",
            f"Ask the department to sort by {self.table.cursor.column} and key, or set a larger source.paging.size.",
        )

    def _which(self, rows: list[dict]) -> int:
        """A number that stands for the rows of a page, by key and cursor (by all they hold where they lack both)."""
        columns = [*self.table.key, *([self.table.cursor.column] if self.table.cursor else [])]
        names = [tuple(json_text.text(row.get(column)) for column in columns) for row in rows]
        return hash(tuple(name if any(name) else json_text.compact(row) for name, row in zip(names, rows, strict=True)))

    def _onward(self, rows: list[dict], since: str | None) -> str | None:
        """Where to ask from after these rows; None when that is no later than `since`, or not known.

        It is a step before the last row, so that it does not matter whether the API's "since" is > or >=.
        """
        if not self.sorted or not rows:
            return None
        values = [json_text.text(row.get(self.table.cursor.column)) for row in rows]
        marks = [moments.mark(value) for value in values]
        if len({type(mark) for mark in marks}) > 1 or marks[0] is None:
            return None
        if marks != sorted(marks):
            raise YidangError(
                f"{self.place}: the API does not sort its pages by {self.table.cursor.column}, so rows could be missed"
                " while they change.",
                "Ask the department to sort by it, or take `cursor` and `since_parameter` out of the contract.",
            )
        step = moments.just_before(values[-1])
        before, after = moments.mark(since), moments.mark(step)
        if isinstance(before, datetime) and isinstance(marks[0], datetime) and before - marks[0] > MOST_BEFORE_SINCE:
            raise YidangError(
                f"{self.place}: asked for rows since {since}, the API sends one of {values[0]}; so it takes no notice"
                f" of `{self.table.since_parameter}`, and would be read from the start for every page.",
                "Correct `since_parameter` in the contract, or take it and `cursor` out.",
            )
        if since is not None and (type(before) is not type(after) or after <= before):
            return None
        return step

    def _advance(self, row: dict) -> None:
        value = json_text.text(row.get(self.table.cursor.column)) if self.table.cursor else None
        if value and moments.is_credible(value):
            self.reached = moments.later(self.reached, value)

    def _chunk(self, page: list[dict]) -> Iterator[Chunk | list[Refused]]:
        named = dict.fromkeys(column for row in page for column in row)
        unfit = {column: reason for column in named if (reason := unlandable([column]))}
        columns = [column for column in named if column not in unfit]
        if new := [column for column in columns if column not in self.columns]:
            self.columns |= dict.fromkeys(new)
            unexpected = [column for column in self.columns if column not in self.table.columns]
            require_columns(self.department, self.table, [*self.table.columns, *unexpected])
        rows, refused = [], []
        for row in page:
            values = [json_text.text(row.get(column)) for column in columns]
            if doubled := json_text.doubled_keys(row):
                refused += self._refused(row, "key", f"the row names {', '.join(doubled)} twice")
            elif reason := unlandable(values) or next((unfit[column] for column in row if column in unfit), None):
                refused += self._refused(row, "text", reason)
            else:
                rows.append((self.read, *values))
            self.read += 1
        yield rows_chunk(["_row_number", *columns], rows)
        yield refused

    def _refused(self, row: dict, rule: str, reason: str) -> list[Refused]:
        """The row for the quarantine, once, however often it is read."""
        text = printable(json_text.compact(row))
        if text in self.refused:
            return []
        self.refused.add(text)
        return [Refused(self.read, rule, f"{reason}.", text)]
