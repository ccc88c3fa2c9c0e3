"""A look into a database: its tables, their columns and a sample, through the catalogue functions that pulls use."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import psycopg
import sqlalchemy as sa
from sqlalchemy import exc

from yidang import contracts
from yidang.errors import ConfigError, YidangError, first_line
from yidang.landing import database
from yidang.landing.statements import Statements, Window
from yidang.new_department import guess
from yidang.new_department.names import Name
from yidang.new_department.seen import SAMPLE_ROWS, Seen, SeenTable
from yidang.settings import Settings, environment

_KINDS = {
    "postgresql": "postgres",
    "postgres": "postgres",
    "mysql": "mysql",
    "mariadb": "mysql",
    "oracle": "oracle",
    "sqlserver": "sqlserver",
    "mssql": "sqlserver",
    "dameng": "dameng",
    "dm": "dameng",
}
SCHEMES = tuple(f"{scheme}://" for scheme in _KINDS)
_MOST_TABLES = 40


def is_url(url: str) -> bool:
    return url.split("://")[0].split("+")[0] in _KINDS and "://" in url


def look(settings: Settings, department: str, url: str, schema: str | None, tables: Sequence[str], given: str) -> Seen:
    """The tables named, or all of the schema. Raises ConfigError (URL, login, names) or YidangError.

    given: what holds the URL, in the words of messages.
    """
    try:
        parsed = sa.make_url(url)
    except (exc.ArgumentError, ValueError):
        raise ConfigError(
            "--from is not the URL of a database.",  # the value may hold a password
            "Write it as postgresql://user:password@host:port/database, with %40 for an @ in the password.",
        ) from None
    kind = _KINDS[parsed.drivername.split("+")[0]]
    # Without a driver's name, which only SQLAlchemy understands and contracts do not need.
    url = re.sub(r"^[a-z]+(\+\w+)?://", f"{'mysql' if kind == 'mysql' else parsed.drivername.split('+')[0]}://", url)
    schema = schema or {"postgres": "public", "sqlserver": "dbo"}.get(kind) or parsed.database or parsed.username
    if kind in ("oracle", "dameng") and schema == parsed.database:
        schema = parsed.username
    if not schema:
        raise ConfigError("The URL names no database.", "Say which with --schema (MySQL: the database).")
    secret = f"{department.upper()}_DSN"
    source = {"kind": kind, "dsn": f"${{{secret}}}", "schema": schema, "statement_timeout_seconds": 1800}
    provisional = contracts.Department.model_construct(
        id=department, source=contracts.DatabaseSource.model_validate(source)
    )
    try:
        with environment({secret: url}), database.connect(settings, provisional) as opened:
            relations = _relations(opened, schema, tables)
            found = [_table(opened, relation, place) for place, relation in enumerate(relations, 1)]
    except YidangError as error:
        # the secret is only made when the look has succeeded
        what, cure = ((text or "").replace(f"the secret {secret}", given) for text in (error.what, error.cure))
        raise type(error)(what, cure) from None
    return Seen(source=source, tables=found, secrets={secret: url})


def _relations(opened: database.Database, schema: str, wanted: Sequence[str]) -> list[str]:
    there = opened.relations()
    if not there:
        raise ConfigError(
            f"The schema {schema} has no table that this login may see.",
            "Name another with --schema, or ask for the right to read.",
        )
    if missing := [name for name in wanted if name not in there]:
        raise ConfigError(
            f"{schema} has no table {', '.join(missing)} that this login may see.",
            f"It has: {', '.join(there[:_MOST_TABLES])}{' …' if len(there) > _MOST_TABLES else ''}",
        )
    if not wanted and len(there) > _MOST_TABLES:
        raise ConfigError(
            f"{schema} has {len(there)} tables; a draft of all of them would help nobody.",
            f"Name the ones you want with --table (several times). The first: {', '.join(there[:_MOST_TABLES])} …",
        )
    return list(dict.fromkeys(wanted)) or there


def _table(opened: database.Database, relation: str, place: int) -> SeenTable:
    try:
        return _looked_at(opened, relation, place)
    except (psycopg.Error, exc.DBAPIError) as error:
        said = first_line(getattr(error, "orig", None) or error)
        raise YidangError(
            f"{opened.schema}.{relation} cannot be read: {said}", "Leave it out: name the others with --table."
        ) from None


def _looked_at(opened: database.Database, relation: str, place: int) -> SeenTable:
    columns = [
        replace(column, name=Name(column.name, column.comment, guess.is_telling)) for column in opened.columns(relation)
    ]
    names = [column.name for column in columns]
    # Only what a name, a date or a code can be in: large objects would make the look a long one.
    readable = [column for column in columns if column.kind not in ("binary", "other")] or columns
    read = [column.name for column in readable]
    probe = contracts.Table.model_construct(
        name="probe", key=read[:1], columns=read, cursor=None, relation=relation, description="", suite="probe"
    )
    statements = Statements(opened.dialect, opened.schema, probe, readable, is_unique=True)
    found = opened.fetch(statements.rows(Window()).limit(SAMPLE_ROWS))
    rows = [dict(zip(read, values, strict=True)) for values in found]
    key, doubt = guess.key(
        read,
        rows,
        declared=opened.unique_keys(relation),
        is_unique=lambda candidate: not opened.fetch(statements.repeated(candidate)),
    )
    name = identifier(relation) or f"table_{place}"
    return SeenTable(
        name=name,
        columns=names,
        rows=rows,
        key=key,
        key_doubt=doubt,
        kinds={column.name: column.kind for column in columns},
        place={} if name == relation else {"relation": relation},
    )


def identifier(text: str) -> str:
    """`text` as an identifier of Yidang's; '' if no letter of it can be one."""
    return (
        re.sub(r"_+", "_", re.sub(r"[^a-z0-9_]", "_", text.lower())).strip("_").lstrip("0123456789_")[:40].rstrip("_")
    )
