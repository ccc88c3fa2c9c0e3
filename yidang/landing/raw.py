"""Raw tables: every column text, as received, append-only; made and widened here."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
from psycopg import sql

from yidang.contracts import Department, Table
from yidang.landing.extract import OWN_COLUMNS


def create(connection: psycopg.Connection, department: Department, table: Table) -> None:
    """The department's schema and the table with its declared columns, if they are not there yet."""
    schema = sql.Identifier(department.schema)
    connection.execute(sql.SQL("create schema if not exists {}").format(schema))
    if held := columns(connection, department, table):
        add_columns(connection, department, table, [name for name in table.columns if name not in held])
        return
    relation = name(department, table)
    definitions = sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(column)) for column in table.columns)
    connection.execute(
        sql.SQL(
            "create table {} ({}, _batch_id bigint not null, _row_number bigint not null,"
            " _landed_at timestamptz not null)"
        ).format(relation, definitions)
    )
    connection.execute(sql.SQL("create index on {} (_batch_id)").format(relation))
    connection.execute(sql.SQL("create index on {} ({}, _batch_id)").format(relation, key(table)))


def name(department: Department, table: Table) -> sql.Identifier:
    return sql.Identifier(department.schema, table.name)


def columns(connection: psycopg.Connection, department: Department, table: Table) -> list[str]:
    """The source's columns that the raw table holds, without Yidang's own; [] if there is no such table."""
    rows = connection.execute(
        "select attname from pg_attribute where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped"
        " order by attnum",
        (f'{department.schema}."{table.name}"',),
    )
    return [column for (column,) in rows if column not in OWN_COLUMNS]


def add_columns(connection: psycopg.Connection, department: Department, table: Table, names: Sequence[str]) -> None:
    if names:
        additions = sql.SQL(", ").join(
            sql.SQL("add column if not exists {} text").format(sql.Identifier(column)) for column in names
        )
        connection.execute(sql.SQL("alter table {} {}").format(name(department, table), additions))


def is_empty(connection: psycopg.Connection, department: Department, table: Table) -> bool:
    query = sql.SQL("select not exists (select from {})").format(name(department, table))
    return connection.execute(query).fetchone()[0]


def key(table: Table, alias: str | None = None) -> sql.Composed:
    """The key as index expressions: a null key equals another null key."""
    parts = [sql.Identifier(alias, column) if alias else sql.Identifier(column) for column in table.key]
    return sql.SQL(", ").join(sql.SQL("coalesce({}, '')").format(part) for part in parts)
