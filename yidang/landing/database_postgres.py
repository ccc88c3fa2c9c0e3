"""PostgreSQL and what speaks its protocol: streamed as COPY text; Python parses no value."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import sqlalchemy as sa
from psycopg import sql

from yidang.contracts import Department, references, resolve
from yidang.errors import ConfigError, YidangError, no_connection
from yidang.landing import copy_stream
from yidang.landing.extract import Chunk
from yidang.landing.statements import SourceColumn, Statements, postgres_sql
from yidang.settings import Settings

# How a value is written as text must not depend on the server's defaults.
_SESSION = """
set timezone = 'Asia/Shanghai'; set datestyle = 'ISO, YMD'; set intervalstyle = 'postgres';
set extra_float_digits = 1; set bytea_output = 'hex'; set client_encoding = 'UTF8';
"""
_COLUMNS = """
select
    attname,
    format_type(atttypid, null),
    case
        when typname = 'date' then 'date'
        when typname in ('timestamp', 'timestamptz') then 'moment'
        when typcategory = 'N' then 'number'
        when typcategory = 'S' then 'text'
        else 'other'
    end,
    coalesce(col_description(attrelid, attnum), ''),
    has_column_privilege(attrelid, attnum, 'select')
from pg_attribute join pg_type on pg_type.oid = atttypid
where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped order by attnum
"""
_RELATIONS = """
select relname::text from pg_class
where relnamespace = to_regnamespace(%s) and relkind in ('r', 'p', 'v', 'm', 'f') and not relispartition
    and has_table_privilege(oid, 'select')
order by relname
"""
_UNIQUE = """
select array_agg(attname::text order by array_position(indkey::int2[], attnum))
from pg_index join pg_attribute on attrelid = indrelid and attnum = any((indkey::int2[])[0:indnkeyatts - 1])
where indrelid = to_regclass(%s) and indisunique and indisvalid and indpred is null and indexprs is null
group by indexrelid, indisprimary, indnkeyatts
having indisprimary or bool_and(attnotnull)
order by indisprimary desc, indnkeyatts, indexrelid
"""


class PostgresDatabase:
    """See database.Database."""

    dialect = "postgresql"

    def __init__(self, connection: psycopg.Connection, schema: str) -> None:
        self.connection, self.schema = connection, schema

    def relations(self) -> list[str]:
        return [name for (name,) in self.connection.execute(_RELATIONS, (self._quoted(self.schema),))]

    def columns(self, relation: str) -> list[SourceColumn]:
        """Raises YidangError where the login may not read all of them."""
        try:
            rows = self.connection.execute(_COLUMNS, (self._name(relation),)).fetchall()
        except psycopg.errors.InsufficientPrivilege:
            raise self._not_allowed(f"schema {self.schema}", f"USAGE ON SCHEMA {self._quoted(self.schema)}") from None
        if not all(may_read for *_, may_read in rows):
            raise self._not_allowed(f"{self.schema}.{relation}", f"SELECT ON {self._name(relation)}")
        return [SourceColumn(*row) for *row, _ in rows]

    def unique_keys(self, relation: str) -> list[list[str]]:
        return [key for (key,) in self.connection.execute(_UNIQUE, (self._name(relation),))]

    def is_unique(self, relation: str, key: list[str]) -> bool:
        return any(set(found) <= set(key) for found in self.unique_keys(relation))

    def fetch(self, query: sa.Select) -> list[tuple]:
        return self.connection.execute(postgres_sql(query).encode()).fetchall()

    def stream(self, statements: Statements, query: sa.Select, names: list[str]) -> Iterator[Chunk]:
        statement = f"copy ({postgres_sql(query)}) to stdout".encode()

        def write(copy: psycopg.Copy) -> None:
            for block in copy_stream.blocks(self.connection, statement):
                copy.write(block)

        yield Chunk(names, write)

    def _not_allowed(self, what: str, right: str) -> YidangError:
        login = self.connection.info.user
        return YidangError(
            f"The source's login {login} may not read {what}.",
            f"Ask the department for: GRANT {right} TO {self._quoted(login)};",
        )

    def _quoted(self, name: str) -> str:
        return sql.Identifier(name).as_string(self.connection)

    def _name(self, relation: str) -> str:
        return sql.Identifier(self.schema, relation).as_string(self.connection)


@contextmanager
def connect(settings: Settings, department: Department) -> Iterator[PostgresDatabase]:
    """A read-only snapshot. Raises ConfigError (URL, login) or YidangError (nobody answers)."""
    source = department.source
    secret = references(source.dsn)
    try:
        connection = psycopg.connect(
            resolve(settings, source.dsn), connect_timeout=10, application_name=f"yidang pull {department.id}"[:63]
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
            database=f"Correct the database's name, the last part of the URL in the secret {secret}.",
        ) from None
    with connection:
        connection.execute(_SESSION)
        connection.execute(
            sql.SQL("set statement_timeout = {}").format(sql.Literal(f"{source.statement_timeout_seconds}s"))
        )
        connection.commit()
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        yield PostgresDatabase(connection, source.schema_name)
