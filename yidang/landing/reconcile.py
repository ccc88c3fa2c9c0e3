"""Is what has landed what the source has? Counted per day of the cursor, with a checksum that knows no order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
import sqlalchemy as sa
from psycopg import sql
from sqlalchemy.sql.elements import quoted_name

from yidang.contracts import Department, Table
from yidang.landing import raw
from yidang.landing.deletions import is_deleted
from yidang.landing.extract import Day
from yidang.landing.statements import postgres_sql, row_checksum

# Of each key the rows of the newest batch that has it, as landing itself compares them (incoming.py).
_LANDED = """
select {day}, count(*), {checksum}
from {raw} held
where not exists (select from {raw} newer where ({newer_key}) = ({held_key}) and newer._batch_id > held._batch_id)
    and not {is_deleted}
    and {scope}
group by 1
"""
_SCOPE = "({held_key}) in (select {incoming_key} from incoming)"


@dataclass(frozen=True)
class Difference:
    """A day (None: of all days) on which the source and raw do not agree, by their numbers or by what the rows say."""

    table: str
    day: str | None
    source_rows: int
    landed_rows: int

    def __str__(self) -> str:
        what = f"the source has {self.source_rows:,} rows, landed are {self.landed_rows:,}"
        return (
            f"{self.table} {self.day or 'in all'}: {what}{', and they differ' * (self.source_rows == self.landed_rows)}"
        )


def compare(
    connection: psycopg.Connection,
    department: Department,
    table: Table,
    columns: Sequence[str],
    days: Sequence[Day],
    *,
    is_whole: bool,
) -> list[Difference]:
    """Compare the source's counts with raw's, keep both in landing.reconciliation, return where they differ.

    columns: the source's columns in its order. is_whole: days tell of everything, else of the keys in `incoming`.
    """
    landed = {
        day: (rows, checksum) for day, rows, checksum in _landed(connection, department, table, columns, days, is_whole)
    }
    if is_whole:
        connection.execute(
            "delete from landing.reconciliation where department = %s and table_name = %s", (department.id, table.name)
        )
    told = {entry.day: (entry.rows, entry.checksum) for entry in days}
    differences = []
    for day in sorted({*told, *landed}, key=lambda day: day or ""):
        (source_rows, source_sum), (landed_rows, landed_sum) = told.get(day, (0, None)), landed.get(day, (0, None))
        if source_rows == landed_rows == 0:
            continue
        connection.execute(
            "insert into landing.reconciliation as held (department, table_name, day, source_rows, landed_rows,"
            " source_checksum, landed_checksum) values (%s, %s, %s, %s, %s, %s, %s)"
            " on conflict (department, table_name, day) do update set source_rows = excluded.source_rows,"
            " landed_rows = excluded.landed_rows, source_checksum = excluded.source_checksum,"
            " landed_checksum = excluded.landed_checksum, checked_at = now()",
            (department.id, table.name, day, source_rows, landed_rows, source_sum, landed_sum),
        )
        if source_rows != landed_rows or (source_sum is not None and source_sum != landed_sum):
            differences.append(Difference(table.name, day, source_rows, landed_rows))
    return differences


def _landed(
    connection: psycopg.Connection,
    department: Department,
    table: Table,
    columns: Sequence[str],
    days: Sequence[Day],
    is_whole: bool,
) -> list[tuple[str | None, int, int | None]]:
    held_key = raw.key(table, "held")
    has_days = any(entry.day for entry in days)
    texts = [sa.column(quoted_name(name, quote=True)) for name in columns]
    query = sql.SQL(_LANDED).format(
        day=sql.SQL("left({}, 10)").format(sql.Identifier(table.cursor.column)) if has_days else sql.SQL("null::text"),
        checksum=sql.SQL(postgres_sql(row_checksum(texts)))
        if table.reconcile == "checksums"
        else sql.SQL("null::bigint"),
        raw=raw.name(department, table),
        held_key=held_key,
        newer_key=raw.key(table, "newer"),
        is_deleted=is_deleted(department, table, "held"),
        scope=sql.SQL("true")
        if is_whole
        else sql.SQL(_SCOPE).format(held_key=held_key, incoming_key=raw.key(table, "incoming")),
    )
    return connection.execute(query).fetchall()
