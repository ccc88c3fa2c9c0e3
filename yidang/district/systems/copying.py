"""Fill tables of the district's own databases with COPY."""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType

import psycopg
from psycopg import sql

from yidang.district.model import World


def recreate_schema(connection: psycopg.Connection, schema: str, reader: str, stamp: str) -> None:
    """Drop and create the schema; its comment is the stamp by which a later run knows the data."""
    name = sql.Identifier(schema)
    connection.execute(sql.SQL("drop schema if exists {} cascade").format(name))
    connection.execute(sql.SQL("create schema {}").format(name))
    connection.execute(sql.SQL("comment on schema {} is {}").format(name, sql.Literal(stamp)))
    connection.execute(sql.SQL("grant usage on schema {} to {}").format(name, sql.Identifier(reader)))
    connection.execute(
        sql.SQL("alter default privileges in schema {} grant select on tables to {}").format(
            name, sql.Identifier(reader)
        )
    )


def columns(text: str) -> dict[str, str]:
    """'code name:integer' → {'code': 'text', 'name': 'integer'}."""
    pairs = (entry.partition(":") for entry in text.split())
    return {name: kind or "text" for name, _, kind in pairs}


def fill(
    connection: psycopg.Connection,
    schema: str,
    table: str,
    columns: dict[str, str],
    rows: Iterable[tuple],
    index: tuple[str, ...],
) -> None:
    """Create schema.table with `columns` (name → SQL type), copy the rows into it, index the cursor columns."""
    target = sql.Identifier(schema, table)
    definition = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in columns.items()
    )
    connection.execute(sql.SQL("create table {} ({})").format(target, definition))
    with connection.cursor() as cursor, cursor.copy(sql.SQL("copy {} from stdin").format(target)) as copy:
        for row in rows:
            copy.write_row(row)
    names = sql.SQL(", ").join(sql.Identifier(name) for name in index)
    connection.execute(sql.SQL("create index on {} ({})").format(target, names))


def fill_ledgers(connection: psycopg.Connection, schema: str, ledgers: Iterable[ModuleType], world: World) -> None:
    """The tables of modules of yidang.district.ledgers, each in the order in which its rows last changed."""
    for ledger in ledgers:
        for table, rows in ledger.rows(world).items():
            in_order = sorted(rows, key=lambda row: (row[-1], row[:1]))
            fill(connection, schema, table, ledger.TABLES[table], in_order, index=("updated_at",))


def stamp_of(connection: psycopg.Connection, schema: str) -> str | None:
    """The stamp recreate_schema left, or None."""
    row = connection.execute(
        "select obj_description(oid, 'pg_namespace') from pg_namespace where nspname = %s", (schema,)
    ).fetchone()
    return row[0] if row else None
