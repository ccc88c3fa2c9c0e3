"""What the last build left behind, kept in the warehouse itself: may the next one compute only what changed?

`intermediate.build_batch` pins the batches that a build reads, from its beginning to its end; `is_new` are those that
no build before it has read. `intermediate.build_record` is there only while the last build is whole: it is taken away
when one begins and written when it has succeeded, so a build that broke off is followed by a full refresh.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

_TABLES = """
create schema if not exists {schema};
create table if not exists {schema}.build_batch (
    batch_id bigint primary key,
    is_new boolean not null
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
_SCHEMAS = ("seeds", "staging", "intermediate", "marts")
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
where gate = 'passed' and (%(until)s::bigint is null or batch_id <= %(until)s)
on conflict do nothing
"""
_GONE = """
select count(*)
from {schema}.build_batch
left join landing.batch using (batch_id)
where batch.gate is distinct from 'passed' or batch_id > %(until)s::bigint
"""
_NEW_DEFINITIONS = """
select count(*)
from landing.batch
left join {schema}.build_batch using (batch_id)
where build_batch.batch_id is null and gate = 'passed' and rows_landed > 0 and table_name like %(tables)s
"""


@dataclass(frozen=True)
class Last:
    """The last whole build. made_of: digest of each thing it was made of, beside raw and the day.

    relations: digest of the names of the tables and views that it left.
    """

    as_of: date
    made_of: dict[str, str]
    quarantined_rows: int
    relations: str


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
            self._run("update {schema}.build_batch set is_new = false where is_new")
            self._run(_PIN, until=batch_until)
        self._run("analyze {schema}.build_batch")
        return reason

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
