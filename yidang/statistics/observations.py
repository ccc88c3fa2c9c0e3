"""What the estimators read: cases that dbt has counted (int_speed_observations), never the cases themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from tempfile import TemporaryFile

import pandas
import psycopg

from yidang.statistics.incidence import LATE, ON_TIME, OPEN, WITHDRAWN

STATES = {"decided_on_time": ON_TIME, "decided_late": LATE, "withdrawn": WITHDRAWN, "open": OPEN}
# The slices of every table: kind, and the column of int_speed_observations that it goes by.
SLICES = {
    "all": None,
    "department": "department_id",
    "stage": "stage_number",
    "flow_type": "flow_type",
    "item": "item_code",
}
UNKNOWN = "unknown"
_NAMES = """
select 'department' as kind, department_id as key, department_name as name from int_departments
union all
select code_list, code, name from code_lists where code_list in ('stage', 'flow_type')
union all
(
    select distinct on (item_code) 'item', item_code, item_name
    from int_items
    order by item_code, effective_from desc
)
"""


@dataclass(frozen=True)
class Stamp:
    """What a build is a function of, beside raw."""

    as_of: date
    calendar_version: str
    rule_version: str


def stamp(connection: psycopg.Connection) -> Stamp:
    return Stamp(*connection.execute("select as_of, calendar_version, rule_version from int_build").fetchone())


def names(connection: psycopg.Connection) -> dict[tuple[str, str], str]:
    """Chinese name of each slice by (kind, key)."""
    return {("all", "all"): "全部"} | {(kind, key): name for kind, key, name in connection.execute(_NAMES)}


def read(connection: psycopg.Connection, query: str, **types: str) -> pandas.DataFrame:
    """A query's rows, through a file, so that a large answer is never in memory as text or as Python objects.

    types: of columns that are no text. `category` is for words that repeat, `date` for days.
    """
    dates = [name for name, kind in types.items() if kind == "date"]
    with TemporaryFile() as file:
        with connection.cursor().copy(f"copy ({query}) to stdout (format csv, header)") as rows:
            for block in rows:
                file.write(block)
        file.seek(0)
        other = {name: kind for name, kind in types.items() if kind != "date"}
        table = pandas.read_csv(file, dtype=other, keep_default_na=False, na_values=[""])
    return table.assign(**{name: pandas.to_datetime(table[name]) for name in dates})
