"""What has changed in the columns of a source since they were last seen; `require_columns` is about the contract's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import psycopg

from yidang.contracts import Department, Table
from yidang.errors import YidangError


def note(
    connection: psycopg.Connection, department: Department, table: Table, change: str, columns: Iterable[str]
) -> None:
    """Keep a change (added, missing, retyped) with the time it was first seen."""
    for column in columns:
        connection.execute(
            "insert into landing.drift (department, table_name, column_name, change) values (%s, %s, %s, %s)"
            " on conflict do nothing",
            (department.id, table.name, column, change),
        )


def check_types(connection: psycopg.Connection, department: Department, table: Table, types: Mapping[str, str]) -> None:
    """Compare the source's types with those of the last pull and keep them. Raises YidangError where one is refused."""
    query = "select column_name, type_name from landing.source_column where department = %s and table_name = %s"
    known = dict(connection.execute(query, (department.id, table.name)).fetchall())
    retyped = [column for column, name in types.items() if known.get(column, name) != name]
    if retyped and table.drift.retyped == "refuse":
        changes = ", ".join(f"{column} ({known[column]} → {types[column]})" for column in retyped)
        raise YidangError(
            f"{department.id}.{table.name}: the source has given another type to {changes}; nothing of it was landed.",
            "Ask the department what the values mean now; then set `drift: {retyped: accept}` for this table.",
        )
    note(connection, department, table, "retyped", retyped)
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into landing.source_column (department, table_name, column_name, type_name)"
            " values (%s, %s, %s, %s) on conflict (department, table_name, column_name)"
            " do update set type_name = excluded.type_name where source_column.type_name <> excluded.type_name",
            [(department.id, table.name, column, name) for column, name in types.items() if known.get(column) != name],
        )


def note_missing(connection: psycopg.Connection, department: Department, table: Table, found: Sequence[str]) -> None:
    """Note declared columns that did not come, where the contract accepts that."""
    if found:
        note(connection, department, table, "missing", [name for name in table.columns if name not in found])
