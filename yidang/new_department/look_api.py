"""A look at an API: one GET, and what its answer shows of rows, pages and columns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

from yidang import contracts
from yidang.errors import ConfigError
from yidang.landing import json_text
from yidang.landing.http import Api
from yidang.landing.masking import Secrets
from yidang.new_department import guess
from yidang.new_department.look_database import identifier
from yidang.new_department.names import plain
from yidang.new_department.seen import SAMPLE_ROWS, Seen, SeenTable
from yidang.settings import Settings, environment

_TOTALS = ("total", "totalcount", "totalelements", "totalrows", "recordstotal", "rowcount", "count", "zs")
_NEXT = ("nextcursor", "next", "nextpagetoken", "nexttoken", "continuation", "cursor")
_PAGE = re.compile(r"^(page|page_?no|page_?num(ber)?|page_?index|current|p)$", re.IGNORECASE)
_SIZE = re.compile(r"^(page_?size|size|limit|per_?page|rows)$", re.IGNORECASE)
_SINCE = re.compile(r"since|after|updated|modified", re.IGNORECASE)


def look(settings: Settings, department: str, url: str, token: str | None, table: str | None) -> Seen:
    """What one answer shows. Raises ConfigError where it has no list of rows, YidangError where none comes."""
    parts = urlsplit(url)
    if not parts.hostname:
        raise ConfigError(f"{url} names no server.", "Write it as https://host/path?page=1&page_size=50.")
    asked = dict(parse_qsl(parts.query, keep_blank_values=True))
    address, secret = f"{department.upper()}_URL", f"{department.upper()}_TOKEN"
    secrets = {address: f"{parts.scheme}://{parts.netloc}"} | ({secret: token} if token else {})
    source = {
        "kind": "rest",
        "base_url": f"${{{address}}}",
        **({"auth": {"kind": "bearer", "token": f"${{{secret}}}"}} if token else {}),
        "paging": {"kind": "page"},
        "requests_per_second": 10,
        "retries": 5,
    }
    once = contracts.RestSource.model_validate(source | {"retries": 0})
    path = parts.path or "/"
    with (
        environment(secrets),
        Api(Secrets(settings), contracts.Department.model_construct(id=department, source=once)) as api,
    ):
        try:
            answer = api.ask(path, asked, {}).body
        except ConfigError as error:
            raise ConfigError(error.what, "Name the variable that holds the token with --token-env.") from None
    found = list_of_rows(answer)
    if found is None:
        keys = ", ".join(answer if isinstance(answer, dict) else []) or "none"
        raise ConfigError(
            f"{path}: the answer has no list of rows; its keys are {keys[:300]}.",
            "Give the address that answers with rows, with the parameters it needs.",
        )
    items, rows = found
    texts = [{name: json_text.text(value) for name, value in row.items()} for row in rows[:SAMPLE_ROWS]]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    source["paging"], doubts = _paging(answer, items, len(rows), asked)
    key, doubt = guess.key(columns, texts)
    since = next((name for name in asked if _SINCE.search(name)), None)
    constant = {}
    for name in asked:
        if name not in (since, *source["paging"].values()):
            # a key may be among them: they are kept where secrets are
            constant[name] = f"${{{department.upper()}_{re.sub('[^A-Z0-9]', '_', name.upper())}}}"
            secrets[constant[name][2:-1]] = asked[name]
    last = [part for part in path.split("/") if part][-1:] or [""]
    seen = SeenTable(
        name=table or identifier(last[0]) or "rows",
        columns=columns,
        rows=texts,
        key=key,
        key_doubt=doubt,
        place={"path": path} | ({"parameters": constant} if constant else {}),
    )
    return Seen(source=source, tables=[seen], secrets=secrets, doubts=doubts, since_parameter=since)


def list_of_rows(answer: object) -> tuple[str, list[dict]] | None:
    """(dotted path, rows) of the longest list of objects, the outermost of equals; None if there is none."""
    best = None
    for path, value in [(".", answer), *(_walk(answer) if isinstance(answer, dict) else [])]:
        is_list = isinstance(value, list) and value and all(isinstance(row, dict) for row in value)
        if is_list and (best is None or len(value) > len(best[1])):
            best = (path, value)
    return best


def _walk(value: dict, before: str = "") -> Iterator[tuple[str, object]]:
    """Every value of nested objects with its dotted path, the outer ones first; lists are not entered."""
    yield from ((f"{before}{name}", inner) for name, inner in value.items())
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from _walk(inner, f"{before}{name}.")


def _paging(answer: object, items: str, rows: int, asked: dict[str, str]) -> tuple[dict[str, object], dict[str, str]]:
    """The contract's `paging` and what of it is doubtful."""
    named = {
        plain(path.rsplit(".", 1)[-1]): (path, value)
        for path, value in reversed(list(_walk(answer)) if isinstance(answer, dict) else [])
    }
    page = next((name for name in asked if _PAGE.match(name)), None)
    size = next((name for name in asked if _SIZE.match(name)), None)
    per_page = int(asked[size]) if size and asked[size].isdigit() and 1 <= int(asked[size]) <= 10_000 else None
    total = next((named[name][0] for name in _TOTALS if name in named and _is_count(named[name][1], rows)), None)
    link = next((named[name][0] for name in _NEXT if name in named and _is_link(named[name][1])), None)
    if link and not page:
        last = link.rsplit(".", 1)[-1]
        paging = {
            "kind": "cursor",
            "cursor_parameter": re.sub(r"^next_?", "", last) or last,
            "next_cursor": link,
            "size_parameter": size or "limit",
            "size": per_page or 100,
            "items": items,
        }
        return paging, {"paging": "the names of the parameters are guesses: no answer says them"}
    paging = {
        "kind": "page",
        "page_parameter": page or "page",
        "size_parameter": size or "page_size",
        "size": per_page or min(max(rows, 1), 10_000),
        "items": items,
    }
    doubts = [] if page and size else ["the names of the parameters are guesses: no answer says them"]
    if total:
        paging["total"] = total
    else:
        doubts.append(
            "the answer tells no total: pages are read until an empty one comes, for ever if the API has none"
        )
    return paging, {"paging": "; ".join(doubts)} if doubts else {}


def _is_count(value: object, rows: int) -> bool:
    return isinstance(value, json_text.Number) and value.isdigit() and int(value) >= rows


def _is_link(value: object) -> bool:
    return value is None or (isinstance(value, str) and "://" not in value)
