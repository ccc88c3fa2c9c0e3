"""A department's database: one read-only snapshot per table, its rows streamed as text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from typing import Protocol

import sqlalchemy as sa

from yidang.contracts import Department, Table, references, resolve
from yidang.errors import ConfigError, YidangError
from yidang.landing import database_postgres, database_sqlalchemy, moments
from yidang.landing.extract import Chunk, Day, Extract, Refused, Request, require_columns
from yidang.landing.statements import SourceColumn, Statements, Window
from yidang.settings import TIMEZONE, Settings


class Database(Protocol):
    """An open snapshot of a source. dialect: SQLAlchemy's name of it; schema: where its tables lie."""

    dialect: str
    schema: str

    def relations(self) -> list[str]:
        """Tables and views of the schema that the login may read, by name."""

    def columns(self, relation: str) -> list[SourceColumn]:
        """The relation's columns in its own order; [] where the login sees no such relation."""

    def unique_keys(self, relation: str) -> list[list[str]]:
        """Sets of columns, never null, that the source itself keeps unique: the primary key, then the narrowest."""

    def is_unique(self, relation: str, key: list[str]) -> bool:
        """Whether the source itself guarantees that no two rows share the key."""

    def fetch(self, query: sa.Select) -> list[tuple]:
        """All rows of a small answer."""

    def stream(self, statements: Statements, query: sa.Select, names: list[str]) -> Iterator[Chunk | list[Refused]]:
        """The rows of a large one, in bounded memory; `names` are the columns of the answer."""


@contextmanager
def extract(settings: Settings, department: Department, table: Table, request: Request) -> Iterator[Extract]:
    """The table's rows that are asked for, and what the source says of itself in the same snapshot."""
    with connect(settings, department) as database, ThreadPoolExecutor(max_workers=1) as aside:
        relation = table.relation or table.name
        columns = database.columns(relation)
        if not columns:
            raise YidangError(
                f"{department.id}: the source has no table {database.schema}.{relation} that its login may see.",
                "Correct the table's name in the contract, or ask the department for the right to read it.",
            )
        names = [column.name for column in columns]
        require_columns(department, table, names)
        statements = Statements(
            database.dialect, database.schema, table, columns, is_unique=database.is_unique(relation, table.key)
        )
        window, reached = _window(database, statements, table, request)

        def days(is_whole: bool) -> Future[list[Day]]:
            query = statements.days(Window() if is_whole else window, with_checksums=table.reconcile == "checksums")
            return aside.submit(lambda: [Day(*row) for row in database.fetch(query)])

        yield Extract(
            items=database.stream(statements, statements.rows(window), names),
            cursor_from=request.cursor,
            cursor_to=lambda: reached,
            types={column.name: column.type_name for column in columns},
            is_whole=window == Window(),
            keys=lambda: database.stream(statements, statements.keys(), table.key),
            by_day=statements.by_day,
            days=days if table.reconcile != "none" else None,
        )


def connect(settings: Settings, department: Department) -> AbstractContextManager[Database]:
    """A read-only snapshot of the department's database. Raises ConfigError (URL, login, driver) or YidangError."""
    secret, url = references(department.source.dsn), resolve(settings, department.source.dsn)
    if not url.strip():
        raise ConfigError(f"{department.id}: the secret {secret} is empty.", "Set it to the database's whole URL.")
    # A driver would take what follows the first @ for the host, and its message would show the rest of the password.
    if url.partition("://")[2].split("/")[0].count("@") > 1:
        raise ConfigError(
            f"{department.id}: the secret {secret} holds more than one @ before its database.",
            "In a user or password write @ as %40, and : / ? # as %3A %2F %3F %23.",
        )
    if department.source.kind == "postgres":
        return database_postgres.connect(settings, department)
    return database_sqlalchemy.connect(settings, department)


def _window(database: Database, statements: Statements, table: Table, request: Request) -> tuple[Window, str | None]:
    """What to read, and the newest cursor of this snapshot (None where a range of dates was asked for).

    A moment more than a day in the future is a typing error; it must not become the cursor, or nothing would be new
    until then. Rows without a cursor value are asked for each time: the source would never report their changes.
    """
    if table.cursor is None:
        return Window(), None
    if request.is_range:
        return Window(since=(request.since,) if request.since else None, until=request.until), None
    found = database.fetch(statements.newest(datetime.now(TIMEZONE).replace(tzinfo=None) + timedelta(days=1)))
    newest = written(found[0]) if found else None
    if request.cursor is None:
        return Window(), newest
    since = read(request.cursor, len(table.cursor.columns))
    if table.cursor.overlap_minutes:
        since = (moments.earlier(since[0], timedelta(minutes=table.cursor.overlap_minutes)),)
    return Window(since=since), _later(request.cursor, newest, len(table.cursor.columns))


def written(values: tuple[str, ...]) -> str:
    """A cursor as the ledger keeps it: the value itself, or two as a JSON list."""
    return values[0] if len(values) == 1 else json.dumps(values, ensure_ascii=False)


def read(text: str, width: int) -> tuple[str, ...]:
    """The values of a cursor that the ledger keeps. A cursor kept before the contract named a second column has one."""
    values = tuple(json.loads(text)) if text.startswith("[") else (text,)
    return values if len(values) == width else values[:1]


def _later(one: str, other: str | None, width: int) -> str:
    """A source that was set back to an older state must not take the cursor with it."""
    if other is None:
        return one
    first, second = read(one, width), read(other, width)
    if first[0] != second[0]:
        return one if moments.later(first[0], second[0]) == first[0] else other
    return one if len(first) == len(second) == 2 and moments.later(first[1], second[1]) == first[1] else other
