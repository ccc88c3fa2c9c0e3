"""A department's PostgreSQL: one read-only snapshot per table, streamed as COPY text; Python parses no value."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from yidang.contracts import Department, PostgresSource, Table, references, resolve
from yidang.errors import ConfigError, YidangError, no_connection
from yidang.landing.extract import Chunk, Extract, require_columns
from yidang.settings import Settings

# How a value is written as text must not depend on the server's defaults.
_SESSION = """
set timezone = 'Asia/Shanghai'; set datestyle = 'ISO, YMD'; set intervalstyle = 'postgres';
set extra_float_digits = 1; set bytea_output = 'hex'; set client_encoding = 'UTF8';
"""
_COLUMNS = """
select attname, format_type(atttypid, null), typcategory = 'D'
from pg_attribute join pg_type on pg_type.oid = atttypid
where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped order by attnum
"""


@contextmanager
def extract(settings: Settings, department: Department, table: Table, cursor: str | None) -> Iterator[Extract]:
    """The table's rows from `cursor` (less the overlap) on, ordered by cursor, then key."""
    source = department.source
    with _connect(settings, department, source) as connection:
        relation = sql.Identifier(source.schema_name, table.name)
        found = connection.execute(_COLUMNS, (relation.as_string(connection),)).fetchall()
        if not found:
            raise YidangError(
                f"{department.id}: the source has no table {source.schema_name}.{table.name} that its login may see.",
                "Correct the table's name in the contract, or ask the department for the right to read it.",
            )
        require_columns(department, table, [column for column, _, _ in found])
        yield _rows(connection, relation, table, found, cursor)


def _rows(
    connection: psycopg.Connection, relation: sql.Identifier, table: Table, found: list[tuple], cursor: str | None
) -> Extract:
    where, reached = sql.SQL(""), cursor
    if table.cursor:
        where, reached = _since(connection, relation, table, found, cursor)
    names = [column for column, _, _ in found]
    order = [*([table.cursor.column] if table.cursor else []), *table.key]
    query = sql.SQL("copy (select {} from {} source {} order by {}) to stdout").format(
        sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier("source", column)) for column in names),
        relation,
        where,
        sql.SQL(", ").join(sql.Identifier("source", column) for column in order),
    )

    def write(copy: psycopg.Copy) -> None:
        with connection.cursor() as reader, reader.copy(query) as source:
            for block in source:
                copy.write(block)

    return Extract(items=iter([Chunk(names, write)]), cursor_from=cursor, cursor_to=lambda: reached)


def _since(
    connection: psycopg.Connection, relation: sql.Identifier, table: Table, found: list[tuple], cursor: str | None
) -> tuple[sql.Composable, str | None]:
    """The filter for what is new, and the newest cursor value in this snapshot.

    A value more than a day in the future is a typing error; it must not become the cursor, or nothing would be new
    until then. Rows without a value are asked for each time: the source would never report their changes.
    """
    column, kind, is_time = next(entry for entry in found if entry[0] == table.cursor.column)
    name, type_name = sql.Identifier(column), sql.SQL(kind)
    credible = sql.SQL("where {} <= now() + interval '1 day'").format(name) if is_time else sql.SQL("")
    newest = connection.execute(sql.SQL("select max({})::text from {} {}").format(name, relation, credible)).fetchone()[
        0
    ]
    if cursor is None:
        return sql.SQL(""), newest
    overlap = sql.SQL("")
    if is_time and table.cursor.overlap_minutes:
        overlap = sql.SQL(" - interval {}").format(sql.Literal(f"{table.cursor.overlap_minutes} minutes"))
    where = sql.SQL("where {name} >= {value}::{type}{overlap} or {name} is null").format(
        name=name, value=sql.Literal(cursor), type=type_name, overlap=overlap
    )
    reached = connection.execute(
        sql.SQL("select greatest({}::{type}, {}::{type})::text").format(
            sql.Literal(newest), sql.Literal(cursor), type=type_name
        )
    ).fetchone()[0]
    return where, reached


@contextmanager
def _connect(settings: Settings, department: Department, source: PostgresSource) -> Iterator[psycopg.Connection]:
    secret = references(source.dsn)
    try:
        connection = psycopg.connect(
            resolve(settings, source.dsn), connect_timeout=10, application_name=f"yidang pull {department.id}"
        )
    except psycopg.ProgrammingError:
        # The driver's own message would repeat the value.
        raise ConfigError(
            f"{department.id}: the secret {secret} is not a PostgreSQL URL.",
            "Write it as postgresql://user:password@host:port/database.",
        ) from None
    except psycopg.OperationalError as error:
        raise no_connection(
            f"{department.id}: the source",
            error,
            start=f"Is the department's server up and reachable from here? Its address is in the secret {secret}.",
            login=f"Correct the secret {secret}.",
        ) from None
    with connection:
        connection.execute(_SESSION)
        connection.execute(
            sql.SQL("set statement_timeout = {}").format(sql.Literal(f"{source.statement_timeout_seconds}s"))
        )
        connection.commit()
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        yield connection
