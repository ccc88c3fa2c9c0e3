"""Writing the marts of this package: what a row holds, and a table replaced whole.

The columns, their types and what they mean are written once, in dbt_project/models/marts/_statistics.yml, where dbt's
documentation finds them; the tables are made from there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from pathlib import Path

import numpy as np
import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from yidang import yaml_text
from yidang.errors import ConfigError
from yidang.statistics.incidence import OPEN, WITHDRAWN

READER = "yidang_reader"


def number(value: float, is_shown: bool = True) -> float | None:
    """A float as it is stored; None where there is none or too few cases stand behind it."""
    return round(float(value), 6) if is_shown and np.isfinite(value) else None


def whole(value: float, is_shown: bool = True) -> int | None:
    return int(value) if is_shown and np.isfinite(value) else None


def naive_leaves_out(ends: np.ndarray) -> str:
    """Why the mean of the decided cases is not the answer, in the words of a report. ends: cases by end."""
    left_out = [f"在办{int(ends[OPEN])}件"] if ends[OPEN] else []
    left_out += [f"撤件{int(ends[WITHDRAWN])}件"] if ends[WITHDRAWN] else []
    return f"只算已办结{int(ends[:WITHDRAWN].sum())}件" + (f"，未计{'、'.join(left_out)}" if left_out else "")


def definitions(dbt_dir: Path) -> dict[str, dict]:
    """What is written about each table, by name: description and columns."""
    path = dbt_dir / "models" / "marts" / "_statistics.yml"
    (source,) = yaml_text.load(path.read_text(encoding="utf-8"))["sources"]
    return {table["name"]: table for table in source["tables"]}


def replace(connection: psycopg.Connection, schema: str, definition: dict, rows: Iterable[dict]) -> int:
    """Make the table anew with these rows, readable by the reader, inside the caller's transaction.

    Returns the number of rows. Raises ConfigError when the rows do not have exactly the columns that are written down.
    """
    table, columns = _make(connection, schema, definition)
    written = 0
    with connection.cursor().copy(sql.SQL("copy {} from stdin").format(table)) as copy:
        for row in rows:
            _require(definition, row.keys())
            copy.write_row([Jsonb(value) if isinstance(value, dict) else value for value in map(row.get, columns)])
            written += 1
    return written


def replace_by_query(
    connection: psycopg.Connection, schema: str, definition: dict, query: str, values: Mapping[str, object]
) -> int:
    """The same with the rows of a query (parameters by name), for marts that have a row per case."""
    table, columns = _make(connection, schema, definition)
    found = connection.execute(f"select * from ({query}) as made limit 0", values)  # noqa: S608
    _require(definition, {column.name for column in found.description})
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    written = connection.execute(
        sql.SQL("insert into {} ({}) select {} from (").format(table, names, names)
        + sql.SQL(query)
        + sql.SQL(") as made"),
        values,
    )
    return written.rowcount


def _make(connection: psycopg.Connection, schema: str, definition: dict) -> tuple[sql.Identifier, list[str]]:
    """The table, empty, and its columns."""
    table = sql.Identifier(schema, definition["name"])
    columns = {column["name"]: column for column in definition["columns"]}
    connection.execute(sql.SQL("drop table if exists {}").format(table))
    parts = [sql.SQL("{} " + column["data_type"]).format(sql.Identifier(name)) for name, column in columns.items()]
    connection.execute(sql.SQL("create table {} ({})").format(table, sql.SQL(", ").join(parts)))
    connection.execute(sql.SQL("grant select on {} to {}").format(table, sql.Identifier(READER)))
    _comment(connection, sql.SQL("table {}").format(table), definition["description"])
    for name, column in columns.items():
        place = sql.SQL("column {}").format(sql.Identifier(schema, definition["name"], name))
        _comment(connection, place, column["description"])
        if column["config"]["meta"].get("index"):
            connection.execute(sql.SQL("create index on {} ({})").format(table, sql.Identifier(name)))
    return table, [*columns]


def _require(definition: dict, found: Set[str]) -> None:
    described = {column["name"] for column in definition["columns"]}
    if found != described:
        differing = ", ".join(sorted(found ^ described))
        raise ConfigError(
            f"{definition['name']} is described with other columns than it has: {differing}.",
            "Write the same columns in dbt_project/models/marts/_statistics.yml and in yidang/statistics.",
        )


def _comment(connection: psycopg.Connection, what: sql.Composable, text: str) -> None:
    connection.execute(sql.SQL("comment on {} is {}").format(what, sql.Literal(" ".join(text.split()))))
