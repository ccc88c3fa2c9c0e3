"""docs/one-case.md as a test: each query on the page is run on the demo's warehouse and gives the rows below it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

import psycopg

from yidang.settings import ROOT, Settings

PAGE = ROOT / "docs" / "one-case.md"
_BLOCK = re.compile(r"```sh\n(.*?)```\n```text\n(.*?)```\n", re.DOTALL)
_QUERY = re.compile(r'^yidang (dbt|sql).*?"\s*(select .*)"\s*$', re.DOTALL)
_REF = re.compile(r"\{\{ ref\('(\w+)'\) \}\}")


def queries() -> Iterator[tuple[str, list[list[str]]]]:
    """Each query of the page with its header and rows as printed there."""
    for command, printed in _BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        found = _QUERY.match(command)
        if found and found[1] == "dbt":
            lines = [line for line in printed.splitlines() if line.startswith("|") and not line.startswith("| --")]
            yield found[2], [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
        elif found:
            yield found[2], list(csv.reader(io.StringIO(printed)))


def commands() -> list[tuple[str, str]]:
    """The other commands of the page with what they print."""
    return [block for block in _BLOCK.findall(PAGE.read_text(encoding="utf-8")) if not _QUERY.match(block[0])]


def differences(settings: Settings) -> list[tuple[str, list, list]]:
    """Queries whose rows are not those on the page: (query, page, warehouse). Batch numbers are not compared."""
    wrong = []
    with psycopg.connect(settings.dsn("transformer"), options="-c search_path=marts") as connection:
        for query, (header, *rows) in queries():
            found = connection.execute(_REF.sub(lambda name: _relation(connection, name[1]), query))
            names = [column.name for column in found.description]
            got = [[_text(value) for value in row] for row in found]
            kept = [place for place, name in enumerate(names) if "batch" not in name]
            same_header = all(name.startswith(shown.rstrip(".")) for name, shown in zip(names, header, strict=True))
            page = [[_plain(row[place]) for place in kept] for row in rows]
            warehouse = [[_plain(row[place]) for place in kept] for row in got]
            if not same_header or page != warehouse:
                wrong.append((query, page, warehouse))
    return wrong


def _relation(connection: psycopg.Connection, name: str) -> str:
    (schema,) = connection.execute(
        "select nspname from pg_class as relation inner join pg_namespace as namespace"
        " on namespace.oid = relnamespace"
        " where relname = %s and nspname in ('seeds', 'staging', 'intermediate', 'marts')",
        (name,),
    ).fetchone()
    return f"{schema}.{name}"


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _plain(cell: str) -> str:
    return {"True": "t", "False": "f"}.get(cell, cell)
