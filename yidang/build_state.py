"""What the last build left behind, kept in the warehouse itself: may the next one compute only what changed?

`intermediate.build_batch` pins the batches that a build reads, from its beginning to its end; `is_new` are those that
no build before it has read. `intermediate.superseded_row` holds the ids of their rows that a later version replaces,
or that are deleted at the source.
`intermediate.build_record` is there only while the last build is whole: it is taken away when one begins and written
when it has succeeded, so a build that broke off is followed by a full refresh.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

# The advisory lock that a build holds from beginning to end.
LOCK = "yidang build"
_TABLES = """
create schema if not exists {schema};
create table if not exists {schema}.build_batch (
    batch_id bigint primary key,
    is_new boolean not null
);
create table if not exists {schema}.superseded_row (
    batch_id bigint,
    row_number bigint,
    primary key (batch_id, row_number)
);
create table if not exists {schema}.build_record (
    as_of date not null,
    made_of jsonb not null,
    quarantined_rows bigint not null,
    relations text not null,
    finished_at timestamptz not null default now()
);
"""
# In words, what each part of `made_of` is.
_PARTS = {
    "models": "models, macros or seeds changed",
    "calendar": "the calendar changed",
    "departments": "the departments changed",
    "overrides": "other variables were given",
}
# Every incremental model may read the flows' definitions: they are few and change seldom.
_DEFINITIONS = "spgl_dfxmsplc%"
_QUARANTINED = """
select count(distinct (batch_id, row_number))
from landing.quarantine
inner join {schema}.build_batch using (batch_id)
where severity = 'fail'
"""
# A build of what changed makes neither seeds nor views: what stands in these schemas must be there.
_SCHEMAS = ("seeds", "staging", "intermediate", "marts", "personal")
_RELATIONS = """
select md5(string_agg(nspname || '.' || relname, ' ' order by nspname, relname))
from pg_class
inner join pg_namespace on pg_namespace.oid = relnamespace
where nspname = any({schemas}) and relkind in ('r', 'v')
"""
_PIN = """
insert into {schema}.build_batch
select batch_id, true
from landing.batch
where gate = 'passed' and (%(until)s::bigint is null or release_number <= %(until)s)
on conflict do nothing
"""
_VERSIONED = """
select table_schema, table_name
from information_schema.columns
where table_schema like 'raw\\_%' and column_name in ('lsh', '_batch_id')
group by table_schema, table_name
having count(*) = 2
"""
# Row ids, not keys, so that reading millions of rows costs a look-up of two numbers each.
_SUPERSEDE = """
insert into {schema}.superseded_row
select _batch_id, _row_number
from (
    select
        versions._batch_id,
        versions._row_number,
        row_number() over (partition by lsh order by _batch_id desc, _row_number desc) as recency
    from {relation} as versions
    inner join {schema}.build_batch as batches on batches.batch_id = versions._batch_id
    where coalesce(lsh, '') in ({keys})
        and not exists (
            select 1
            from landing.quarantine
            where quarantine.batch_id = versions._batch_id
                and quarantine.row_number = versions._row_number
                and quarantine.severity = 'fail'
        )
) as ranked
where recency > 1
on conflict do nothing
"""
# By the expression of raw's index on its key. A row once replaced stays so while the batches that are read only grow.
_REPEATED_KEYS = "select coalesce(lsh, '') from {relation} group by coalesce(lsh, '') having count(*) > 1"
_NEW_KEYS = """
select coalesce(lsh, '')
from {relation} as new_rows
inner join {schema}.build_batch as new_batches on new_batches.batch_id = new_rows._batch_id and new_batches.is_new
"""
_DELETED = """
insert into {schema}.superseded_row
select deleted_row.batch_id, deleted_row.row_number
from landing.deleted_row
inner join {schema}.build_batch as found on found.batch_id = deleted_row.found_in_batch_id
on conflict do nothing
"""
_NEWLY_DELETED = """
select count(*)
from landing.deleted_row
inner join landing.batch on batch.batch_id = deleted_row.found_in_batch_id and batch.gate = 'passed'
left join {schema}.build_batch on build_batch.batch_id = batch.batch_id
where build_batch.batch_id is null
"""
_GONE = """
select count(*)
from {schema}.build_batch
left join landing.batch using (batch_id)
where batch.gate is distinct from 'passed' or release_number > %(until)s::bigint
"""
_NEW_DEFINITIONS = """
select count(*)
from landing.batch
left join {schema}.build_batch using (batch_id)
where build_batch.batch_id is null and gate = 'passed' and rows_landed > 0 and table_name like %(tables)s
"""

_STANDING = """
select
    to_regclass('intermediate.build_record') is not null as is_recorded,
    to_regnamespace('marts') is not null
        and exists (select from pg_class where relnamespace = to_regnamespace('marts') and relkind = 'r') as is_built,
    exists (
        select
        from pg_locks
        where locktype = 'advisory'
            and granted
            and database = (select oid from pg_database where datname = current_database())
            and (classid::bigint << 32 | objid::bigint) = hashtext(%(lock)s)::bigint
    ) as is_building
"""
_LAST_BUILT = "select as_of, finished_at from intermediate.build_record"
# What the last build has not read, and adds something.
_UNREAD = """
select count(*)
from landing.batch
left join intermediate.build_batch using (batch_id)
where build_batch.batch_id is null and gate = 'passed' and rows_landed > 0
"""


@dataclass(frozen=True)
class Standing:
    """What the marts are, for people. as_of, built_at, unread_batches: of the last whole build; None without one.

    is_built: there are marts, of a whole build or not. is_building: a build runs now.
    """

    as_of: date | None
    built_at: datetime | None
    unread_batches: int | None
    is_built: bool
    is_building: bool


@dataclass(frozen=True)
class Last:
    """The last whole build. made_of: digest of each thing it was made of, beside raw and the day.

    relations: digest of the names of the tables and views that it left.
    """

    as_of: date
    made_of: dict[str, str]
    quarantined_rows: int
    relations: str


def standing(warehouse: psycopg.Connection) -> Standing:
    """What the real marts are, by the transformer's connection; makes nothing and waits for no build."""
    is_recorded, is_built, is_building = warehouse.execute(_STANDING, {"lock": LOCK}).fetchone()
    last = warehouse.execute(_LAST_BUILT).fetchone() if is_recorded else None
    if last is None:
        return Standing(None, None, None, is_built, is_building)
    (unread,) = warehouse.execute(_UNREAD).fetchone()
    return Standing(*last, unread, is_built, is_building)


@dataclass(frozen=True)
class BuildState:
    """The state of one set of schemas. warehouse: the transformer's connection (autocommit); schema: `intermediate`."""

    warehouse: psycopg.Connection
    schema: str

    def last(self) -> Last | None:
        """The record of the last build; None where there was none or it broke off."""
        self._run(_TABLES)
        row = self._run("select as_of, made_of, quarantined_rows, relations from {schema}.build_record").fetchone()
        return Last(*row) if row else None

    def begin(self, before: Last | None, made_of: dict[str, str], batch_until: int | None) -> str:
        """Pin the batches to read, forget the last build. Returns why all must be computed; '' where nothing must."""
        self._run(_TABLES)
        with self.warehouse.transaction():
            reason = self._reason(before, made_of, batch_until)
            self._run("delete from {schema}.build_record")
            if reason:
                self._run("delete from {schema}.build_batch")
                self._run("delete from {schema}.superseded_row")
            self._run("update {schema}.build_batch set is_new = false where is_new")
            self._run(_PIN, until=batch_until)
            self._supersede(_REPEATED_KEYS if reason else _NEW_KEYS)
            self._run(_DELETED)
        self._run("analyze {schema}.build_batch")
        self._run("analyze {schema}.superseded_row")
        return reason

    def _supersede(self, keys: str) -> None:
        """Note the rows of the national standard's tables that a later version of the same LSH replaces."""
        for place in self.warehouse.execute(_VERSIONED).fetchall():
            names = {"schema": sql.Identifier(self.schema), "relation": sql.Identifier(*place)}
            statement = sql.SQL(_SUPERSEDE).format(keys=sql.SQL(keys).format(**names), **names)
            self.warehouse.execute(statement)

    def finish(self, as_of: date, made_of: dict[str, str]) -> None:
        """The build has succeeded as a whole: the next may start from it."""
        with self.warehouse.transaction():
            self._run("update {schema}.build_batch set is_new = false where is_new")
            self._run(
                "insert into {schema}.build_record (as_of, made_of, quarantined_rows, relations)"
                " values (%(as_of)s, %(made_of)s, %(quarantined)s, %(relations)s)",
                as_of=as_of,
                made_of=Jsonb(made_of),
                quarantined=self._value(_QUARANTINED),
                relations=self._value(_RELATIONS),
            )

    def _reason(self, before: Last | None, made_of: dict[str, str], batch_until: int | None) -> str:
        if before is None:
            return "no whole build to start from"
        for part, words in _PARTS.items():
            if before.made_of.get(part) != made_of[part]:
                return words
        if self._value(_GONE, until=batch_until):
            return "batches that were read before are not to be read now"
        if self._value(_NEWLY_DELETED):
            return "rows were deleted at a source"
        if self._value(_NEW_DEFINITIONS, tables=_DEFINITIONS):
            return "new definitions of flows"
        if self._value(_QUARANTINED) != before.quarantined_rows:
            return "rows that were read before were quarantined or released"
        if self._value(_RELATIONS) != before.relations:
            return "tables or views were made or dropped by hand"
        return ""

    def _value(self, query: str, **values: object) -> object:
        return self._run(query, **values).fetchone()[0]

    def _run(self, query: str, **values: object) -> psycopg.Cursor:
        prefix = self.schema.removesuffix("intermediate")
        schemas = sql.Literal([prefix + name for name in _SCHEMAS])
        composed = sql.SQL(query).format(schema=sql.Identifier(self.schema), schemas=schemas)
        return self.warehouse.execute(composed, values or None)
