"""Pages of one list of an API, by each kind of paging in the contract."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

import httpx

from yidang.contracts import CursorPages, Department, LinkPages, OneAnswer, PageNumbers, Table
from yidang.errors import YidangError
from yidang.landing import json_text
from yidang.landing.http import Answer, Api, require_known_server


class Page(NamedTuple):
    """Rows as the API sent them; `ends` when the API says that none follow."""

    rows: list[dict]
    ends: bool


class Lists:
    """`pages(since)` of one table: what the API lists as changed since then, in its order."""

    def __init__(self, api: Api, department: Department, table: Table) -> None:
        self._api, self._table, self._paging = api, table, department.source.paging
        self._place = f"{department.id}.{table.name}"
        self._headers = {name: api.secrets.for_header(self._place, text) for name, text in table.headers.items()}
        self._constant = {
            name: api.secrets.resolve(value) if isinstance(value, str) else value
            for name, value in table.parameters.items()
        }

    def pages(self, since: str | None) -> Iterator[Page]:
        """One page or more, the last of which `ends`. Requests are made as pages are taken."""
        asked = {} if since is None else {self._table.since_parameter: since}
        match self._paging:
            case OneAnswer():
                yield Page(self._rows(self._ask(asked)), ends=True)
            case CursorPages() | LinkPages():
                yield from self._chained(asked)
            case _:
                yield from self._counted(asked)

    def _counted(self, asked: dict[str, object]) -> Iterator[Page]:
        """Pages by number or offset, to an empty one or to `total` rows. A total that shrank says nothing."""
        page, seen, largest = 0, 0, 0
        while True:
            answer = self._ask(asked | self._position(page, seen))
            rows, total = self._rows(answer), self._total(answer)
            page, seen = page + 1, seen + len(rows)
            ends = not rows or (total is not None and seen >= total >= largest)
            yield Page(rows, ends)
            if ends:
                return
            largest = max(largest, total or 0)

    def _position(self, page: int, seen: int) -> dict[str, object]:
        paging = self._paging
        if isinstance(paging, PageNumbers):
            return {paging.page_parameter: paging.first_page + page, paging.size_parameter: paging.size}
        return {paging.offset_parameter: seen, paging.size_parameter: paging.size}

    def _total(self, answer: Answer) -> int | None:
        if self._paging.total is None:
            return None
        total = json_text.text(self._api.at(answer.body, self._paging.total))
        if total is None or not total.isdigit():
            raise YidangError(
                f"{self._place}: the answer has no number of rows at `{self._paging.total}`.",
                "Correct source.paging.total in the contract, or take it out.",
            )
        return int(total)

    def _chained(self, asked: dict[str, object]) -> Iterator[Page]:
        """Pages that each name the next, until one names none."""
        size = {self._paging.size_parameter: self._paging.size}
        answer = self._ask(asked | size)
        named = set()
        while True:
            following = self._following(answer)
            yield Page(self._rows(answer), ends=following is None)
            if following is None:
                return
            if following in named:
                raise endless(self._place, "the API names a next page that it has named before")
            named.add(following)
            if isinstance(self._paging, CursorPages):
                answer = self._ask(asked | size | {self._paging.cursor_parameter: following})
            else:
                answer = self._ask({}, self._url(answer, following))

    def _following(self, answer: Answer) -> str | None:
        """What the answer names as the next page: a cursor or a URL. Blank, false and the number 0 name none."""
        if isinstance(self._paging, LinkPages) and self._paging.next_url is None:
            return answer.following
        path = self._paging.next_cursor if isinstance(self._paging, CursorPages) else self._paging.next_url
        named = self._api.at(answer.body, path)
        none = not named or (isinstance(named, json_text.Number) and named == "0")
        return None if none else json_text.text(named)

    def _url(self, answer: Answer, following: str) -> httpx.URL:
        """The next page's URL, which may be relative. YidangError if it leads to a server that is not declared."""
        url = None
        with suppress(httpx.InvalidURL):  # said below, so that the error's context does not hold the URL
            url = answer.url.join(following)
        if url is None:
            shown = self._api.secrets.hide(following)[:200]
            raise YidangError(
                f"{self._place}: what the API names as the next page is no URL: {shown!r}.",
                "Correct source.paging.next_url in the contract, or tell the department.",
            )
        require_known_server(
            f"{self._place}: the next page",
            url,
            self._api.base_url,
            self._paging.hosts,
            "If the login may go there, name it in source.paging.hosts.",
        )
        return url

    def _ask(self, parameters: dict[str, object], target: str | httpx.URL | None = None) -> Answer:
        return self._api.ask(target or self._table.path, self._constant | parameters, self._headers)

    def _rows(self, answer: Answer) -> list[dict]:
        rows = self._api.at(answer.body, self._paging.items)
        if rows is None and self._api.source.success and self._is_null(answer):
            return []  # an answer that is known to be good may say null for no rows
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            begins = self._api.secrets.hide(json_text.compact(answer.body))[:200]
            raise YidangError(
                f"{self._place}: the answer has no list of rows at `{self._paging.items}`; it begins {begins}",
                "Correct source.paging.items in the contract, or tell the department.",
            )
        return rows

    def _is_null(self, answer: Answer) -> bool:
        """Whether the place of the rows is there, and null."""
        above, _, name = self._paging.items.rpartition(".")
        holder = self._api.at(answer.body, above)
        return isinstance(holder, dict) and name in holder


def endless(place: str, reason: str) -> YidangError:
    """The error for pages that would never end."""
    return YidangError(
        f"{place}: {reason}; the pages would never end, and nothing was landed.",
        "Check the names of the paging parameters in the contract: an API that does not know one sends the same page"
        " again. One that repeats its last page needs `total`.",
    )
