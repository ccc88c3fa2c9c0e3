"""Rows that have vanished at the source without a mark: found by comparing keys, noted, and never believed in bulk."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
from psycopg import sql

from yidang.contracts import Department, Table
from yidang.errors import YidangError
from yidang.landing import raw
from yidang.landing.extract import Chunk, Refused

_COUNT = """
select count(distinct ({key})), count(distinct ({key})) filter (where is_gone)
from (
    select held.*, not exists (select from source_key present where ({present_key}) = ({held_key})) as is_gone
    from {raw} held
    where not {is_deleted}
) as held
"""
# All versions of a key, or an older one would come to life again.
_NOTE = """
insert into landing.deleted_row (department, table_name, batch_id, row_number, found_in_batch_id)
select {department}, {table}, held._batch_id, held._row_number, {batch}
from {raw} held
where not exists (select from source_key present where ({present_key}) = ({held_key})) and not {is_deleted}
"""


class NotBelieved(YidangError):
    """So many rows are gone that the source itself is in doubt."""


def is_deleted(department: Department, table: Table, alias: str) -> sql.Composed:
    """Condition: this row of raw is known to have been deleted at the source."""
    return sql.SQL(
        "exists (select from landing.deleted_row gone where gone.department = {} and gone.table_name = {}"
        " and gone.batch_id = {}._batch_id and gone.row_number = {}._row_number)"
    ).format(sql.Literal(department.id), sql.Literal(table.name), *[sql.Identifier(alias)] * 2)


def hold_keys(connection: psycopg.Connection, table: Table, chunks: Iterator[Chunk | list[Refused]]) -> None:
    """The keys of all rows of the source, in a temporary table of this transaction."""
    columns = sql.SQL(", ").join(map(sql.Identifier, table.key))
    connection.execute(
        sql.SQL("create temporary table source_key (_row_number bigint, {}) on commit drop").format(
            sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(name)) for name in table.key)
        )
    )
    for chunk in chunks:
        if isinstance(chunk, Chunk):
            chunk.copy_into(connection, sql.Identifier("source_key"))
    connection.execute(sql.SQL("create index on source_key ({})").format(raw.key(table)))
    connection.execute(sql.SQL("analyze source_key ({})").format(columns))


def note(connection: psycopg.Connection, department: Department, table: Table, batch_id: int) -> int:
    """Note the rows of raw whose key is not in `source_key` as deleted. Returns the number of keys.

    Raises NotBelieved, before anything is noted, when their share is above the contract's most_deleted_share.
    """
    parts = {
        "raw": raw.name(department, table),
        "key": raw.key(table, "held"),
        "held_key": raw.key(table, "held"),
        "present_key": raw.key(table, "present"),
        "is_deleted": is_deleted(department, table, "held"),
        "department": sql.Literal(department.id),
        "table": sql.Literal(table.name),
        "batch": sql.Literal(batch_id),
    }
    held, gone = connection.execute(sql.SQL(_COUNT).format(**parts)).fetchone()
    if gone > max(1, held * table.most_deleted_share):
        raise NotBelieved(
            f"{department.id}.{table.name}: {gone} of {held} rows are no longer at the source, more than"
            f" {table.most_deleted_share:.0%}; this is not believed, and none was marked as deleted.",
            f"Ask the department. If it is right, write `most_deleted_share: {_share(gone, held)}` at table"
            f" {table.name} in {department.id}.yml, pull again, and take the line out.",
        )
    if gone:
        connection.execute(sql.SQL(_NOTE).format(**parts))
    return gone


def _share(gone: int, held: int) -> float:
    """The smallest share in whole per cent that believes it."""
    return next(percent / 100 for percent in range(1, 101) if gone <= held * (percent / 100))
