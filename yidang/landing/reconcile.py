"""Is what has landed what the source has? Counted per day of the cursor, with a checksum that knows no order."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Literal

import psycopg
import sqlalchemy as sa
from psycopg import sql
from sqlalchemy.sql.elements import quoted_name

from yidang.contracts import Department, Table
from yidang.landing import raw
from yidang.landing.deletions import is_deleted
from yidang.landing.extract import Day
from yidang.landing.statements import postgres_sql, row_checksum

# Everything, of which raw holds nothing else; everything; the rows whose keys lie in `incoming`.
Scope = Literal["first load", "all", "incoming"]

_LANDED = "select {day}, count(*), {checksum} from {raw} held where {is_meant} group by 1"
# Of each key the rows of the newest batch that has it, as landing itself compares them (incoming.py).
_IS_NEWEST = """
not exists (select from {raw} newer where ({newer_key}) = ({held_key}) and newer._batch_id > held._batch_id)
and not {is_deleted}
"""
_KEEP = """
with kept as (
    insert into landing.reconciliation
        (department, table_name, day, source_rows, landed_rows, source_checksum, landed_checksum)
    select %s, %s, counted.*
    from unnest(%s::text[], %s::bigint[], %s::bigint[], %s::numeric[], %s::numeric[]) as counted
    on conflict (department, table_name, day) do update set source_rows = excluded.source_rows,
        landed_rows = excluded.landed_rows, source_checksum = excluded.source_checksum,
        landed_checksum = excluded.landed_checksum, checked_at = now()
    returning day, source_rows, landed_rows, is_different
)
select day, source_rows, landed_rows from kept where is_different
"""
_CAME = "({held_key}) in (select {incoming_key} from incoming)"


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
    counting: Future[list[Day]],
    *,
    by_day: bool,
    scope: Scope,
) -> list[Difference]:
    """Compare the source's counts with raw's, keep both in landing.reconciliation, return where they differ.

    columns: the source's columns in its order. counting: the source at work; raw is counted meanwhile.
    """
    landed = {
        day: (rows, checksum) for day, rows, checksum in _landed(connection, department, table, columns, by_day, scope)
    }
    if scope != "incoming":
        connection.execute(
            "delete from landing.reconciliation where department = %s and table_name = %s", (department.id, table.name)
        )
    told = {entry.day: (entry.rows, entry.checksum) for entry in counting.result() if entry.rows}
    nothing = (0, None)
    rows = [(day, *told.get(day, nothing), *landed.get(day, nothing)) for day in {**told, **landed}]
    days, source_rows, source_sums, landed_rows, landed_sums = zip(*rows, strict=True) if rows else [()] * 5
    values = (department.id, table.name, *map(list, (days, source_rows, landed_rows, source_sums, landed_sums)))
    found = connection.execute(_KEEP, values)
    return sorted((Difference(table.name, *row) for row in found), key=lambda difference: difference.day or "")


def _landed(
    connection: psycopg.Connection,
    department: Department,
    table: Table,
    columns: Sequence[str],
    by_day: bool,
    scope: Scope,
) -> list[tuple[str | None, int, int | None]]:
    held_key = raw.key(table, "held")
    texts = [sa.column(quoted_name(name, quote=True)) for name in columns]
    meant = [sql.SQL("true")]
    if scope != "first load":
        newest = sql.SQL(_IS_NEWEST).format(
            raw=raw.name(department, table),
            held_key=held_key,
            newer_key=raw.key(table, "newer"),
            is_deleted=is_deleted(department, table, "held"),
        )
        meant.append(newest)
    if scope == "incoming":
        meant.append(sql.SQL(_CAME).format(held_key=held_key, incoming_key=raw.key(table, "incoming")))
    query = sql.SQL(_LANDED).format(
        day=sql.SQL("left({}, 10)").format(sql.Identifier(table.cursor.column)) if by_day else sql.SQL("null::text"),
        checksum=sql.SQL(postgres_sql(row_checksum(texts)))
        if table.reconcile == "checksums"
        else sql.SQL("null::bigint"),
        raw=raw.name(department, table),
        is_meant=sql.SQL(" and ").join(meant),
    )
    return connection.execute(query).fetchall()


def compared(connection: psycopg.Connection, department: Department, table: Table) -> tuple[int, int]:
    """(days, the source's rows) that `compare` has compared in this transaction; a table without days is one."""
    return connection.execute(
        "select count(*), coalesce(sum(source_rows), 0)::bigint from landing.reconciliation"
        " where department = %s and table_name = %s and checked_at = now()",
        (department.id, table.name),
    ).fetchone()
