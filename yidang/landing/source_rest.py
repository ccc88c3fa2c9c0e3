"""A department's HTTP API: pages of JSON objects, one row each; nested values stay as compact JSON text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal

from yidang.contracts import CursorPages, Department, PageNumbers, Table
from yidang.errors import YidangError
from yidang.landing import moments
from yidang.landing.extract import Chunk, Extract, Refused, Request, printable, require_columns, rows_chunk, unlandable
from yidang.landing.http import Api
from yidang.settings import Settings

# Each step of the walk asks again for this much, so that it does not matter whether the API's "since" is > or >=.
_STEP_BACK = timedelta(seconds=1)


@contextmanager
def extract(settings: Settings, department: Department, table: Table, request: Request) -> Iterator[Extract]:
    """The rows changed since the ledger's cursor (less the overlap) or a day, in the order of the API."""
    with Api(settings, department) as api:
        walk = _Walk(api, department, table, request)
        yield Extract(
            items=walk.chunks(),
            cursor_from=request.cursor,
            cursor_to=lambda: None if request.is_range else walk.reached,
            overlapping=True,
            is_whole=walk.since is None,
        )


class _Walk:
    """One pass over the pages; `reached` is the newest credible cursor value seen."""

    def __init__(self, api: Api, department: Department, table: Table, request: Request) -> None:
        self.api, self.department, self.table = api, department, table
        self.paging = department.source.paging
        self.reached = request.cursor
        self.read = 1
        self.since = request.since
        if request.cursor is not None and not request.is_range:
            self.since = moments.earlier(request.cursor, timedelta(minutes=table.cursor.overlap_minutes))

    def chunks(self) -> Iterator[Chunk | list[Refused]]:
        seen: dict[str, None] = {}
        pages = self._numbered() if isinstance(self.paging, PageNumbers) else self._linked(self.paging)
        for page in pages:
            for row in page:
                seen.update(dict.fromkeys(row))
                self._advance(row)
            yield from self._chunk(page)
        if seen:
            require_columns(self.department, self.table, list(seen))

    def _numbered(self) -> Iterator[list[dict]]:
        """Pages by number, restarted from the last row's cursor as soon as it has moved.

        While we read, rows change and move to the end of the list; with plain page numbers the rows behind them
        would slide to a page already read and be lost. From a moment on, nothing slides out.
        """
        since, page, seen = self.since, 1, 0
        while True:
            parameters = {self.paging.page_parameter: page, self.paging.size_parameter: self.paging.size}
            body = self._get(since, parameters)
            rows = self._rows(body)
            if not rows:
                return
            yield rows
            seen += len(rows)
            if self.paging.total and seen >= int(self._at(body, self.paging.total)):
                return
            step = self._step(rows)
            if step and (since is None or moments.parse(step) > moments.parse(since)):
                since, page, seen = step, 1, 0
            else:
                page += 1

    def _step(self, rows: list[dict]) -> str | None:
        """Where to go on from after these rows; None when the table has no cursor, or one that is not a moment."""
        if not self.table.cursor:
            return None
        values = [row.get(self.table.cursor.column) for row in rows]
        marks = [moments.parse(value) if isinstance(value, str) else None for value in values]
        if None in marks:
            return None
        if marks != sorted(marks):
            raise YidangError(
                f"{self.department.id}.{self.table.name}: the API does not sort its pages by"
                f" {self.table.cursor.column}, so rows could be missed while they change.",
                "Ask the department to sort by it, or take `cursor` and `since_parameter` out of the contract.",
            )
        return moments.earlier(values[-1], _STEP_BACK)

    def _linked(self, paging: CursorPages) -> Iterator[list[dict]]:
        link = None
        while True:
            parameters = {paging.size_parameter: paging.size}
            body = self._get(self.since, parameters | ({paging.cursor_parameter: link} if link else {}))
            if rows := self._rows(body):
                yield rows
            following = self._at(body, paging.next_cursor)
            if not following:
                return
            if following == link:
                raise YidangError(
                    f"{self.department.id}.{self.table.name}: the API names the same next page for ever.", ""
                )
            link = following

    def _get(self, since: str | None, parameters: dict[str, object]) -> dict:
        if since is not None:
            parameters = {self.table.since_parameter: since, **parameters}
        return self.api.get(self.table.path, parameters)

    def _rows(self, body: dict) -> list[dict]:
        rows = self._at(body, self.paging.items)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            begins = json.dumps(body, ensure_ascii=False, default=str)[:200]
            raise YidangError(
                f"{self.department.id}.{self.table.name}: the answer has no list of rows at `{self.paging.items}`;"
                f" it begins {begins}",
                "Correct source.paging.items in the contract, or tell the department.",
            )
        return rows

    def _at(self, body: dict, path: str) -> object:
        """The value at a dotted path, None if there is none."""
        for part in path.split("."):
            body = body.get(part) if isinstance(body, dict) else None
        return body

    def _advance(self, row: dict) -> None:
        value = _text(row.get(self.table.cursor.column)) if self.table.cursor else None
        if value and moments.is_credible(value):
            self.reached = moments.later(self.reached, value)

    def _chunk(self, page: list[dict]) -> Iterator[Chunk | list[Refused]]:
        columns = list(dict.fromkeys(column for row in page for column in row))
        rows, refused = [], []
        for row in page:
            values = [_text(row.get(column)) for column in columns]
            if reason := unlandable(values):
                text = printable(json.dumps(row, ensure_ascii=False, default=str))
                refused.append(Refused(self.read, "text", f"{reason}.", text))
            else:
                rows.append((self.read, *values))
            self.read += 1
        yield rows_chunk(["_row_number", *columns], rows)
        yield refused


def _text(value: object) -> str | None:
    """A JSON value as text, as it was sent: strings and numbers bare, nested values as compact JSON."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return str(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=float)
