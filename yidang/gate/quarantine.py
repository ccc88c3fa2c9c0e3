"""What the gate or landing kept out: list it, show it, judge it again, or let a held batch through by decision."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql

from yidang import contracts
from yidang.contracts import Department
from yidang.errors import ConfigError
from yidang.gate import GateResult, check_pending
from yidang.settings import Settings

_LIST = """
select
    quarantine.department,
    quarantine.table_name,
    quarantine.rule,
    quarantine.reason,
    quarantine.severity,
    count(*) as row_count,
    count(distinct quarantine.batch_id) filter (where batch.gate = 'held') as held_batches,
    max(quarantine.quarantined_at) as last_at
from landing.quarantine
left join landing.batch using (batch_id)
where (%(department)s::text is null or quarantine.department = %(department)s)
group by 1, 2, 3, 4, 5
order by 1, 2, severity, row_count desc, 3
"""
_SHOW = """
select batch_id, row_number, rule, reason, severity, raw_row
from landing.quarantine
where department = %(department)s and table_name = %(table)s and (%(rule)s::text is null or rule = %(rule)s)
order by quarantined_at desc, batch_id desc, row_number, rule
limit %(limit)s
"""
_COUNT = """
select rule, count(*) from landing.quarantine
where department = %(department)s and table_name = %(table)s group by rule order by rule
"""
# What landing itself refused is in no raw table, so it can only come again.
_FORGET = """
delete from landing.quarantine
where batch_id = any(%(batches)s)
    and exists (select from {raw} where _batch_id = batch_id and _row_number = row_number)
"""
_TO_REPLAY = """
select table_name, array_agg(batch_id order by batch_id)
from landing.batch
where department = %(department)s
    and (%(table)s::text is null or table_name = %(table)s)
    and (%(batch)s::bigint is null or batch_id = %(batch)s)
    and (gate = 'held' or exists (select from landing.quarantine where quarantine.batch_id = batch.batch_id))
group by table_name
"""


@dataclass(frozen=True)
class Entry:
    """Rows of one table that break one rule. held_batches: how many of their batches are held as a whole."""

    department: str
    table: str
    rule: str
    reason: str
    severity: str
    rows: int
    held_batches: int
    last_at: datetime


@dataclass(frozen=True)
class Row:
    """One row and rule. values: the row as it came, by column; None where it could not be kept."""

    batch_id: int
    row_number: int
    rule: str
    reason: str
    severity: str
    values: dict | None


@dataclass(frozen=True)
class Held:
    """A batch that is held as a whole. reason: '' where an older version held it."""

    department: str
    table: str
    batch_id: int
    rows: int
    reason: str

    def __str__(self) -> str:
        return f"batch {self.batch_id} is held: {self.reason or 'the log of its pull says why'}"


def cure(department: str) -> str:
    """What can be done about held batches. A correction comes as rows of its own; the held batch waits all the same."""
    return (
        f"See: yidang quarantine list {department}. If a rule is wrong, mend its suite, then: yidang quarantine replay"
        f" {department}. If rows are wrong, have them corrected at the source and pull; then, and where all is right"
        ' as it is: yidang quarantine release BATCH --reason "…" (rows that fail stay out).'
    )


def entries(settings: Settings, department: str | None = None) -> list[Entry]:
    """Everything in quarantine, by department, table and rule."""
    with _connect(settings) as connection:
        return [Entry(*row) for row in connection.execute(_LIST, {"department": department})]


def rows(settings: Settings, department: Department, table: str, rule: str | None, limit: int) -> tuple[list[Row], int]:
    """The newest rows of a table in quarantine, and how many there are in all.

    Raises ConfigError for a table the department has not, or a rule that no row there breaks.
    """
    _require_table(department, table)
    values = {"department": department.id, "table": table, "rule": rule, "limit": limit}
    with _connect(settings) as connection:
        counted = dict(connection.execute(_COUNT, values).fetchall())
        if rule and rule not in counted:
            there = f"These have rows there: {', '.join(counted)}." if counted else "No rule has rows there."
            raise ConfigError(f"{department.id}.{table}: no row in quarantine breaks {rule!r}.", there)
        found = [Row(*row) for row in connection.execute(_SHOW, values)]
        return found, counted[rule] if rule else sum(counted.values())


def replay(
    settings: Settings, department: Department, table: str | None = None, batch: int | None = None
) -> list[GateResult]:
    """Judge held batches, and those with rows in quarantine, again by the suites as they are now.

    Raises ConfigError when there is nothing to judge, YidangError when a suite cannot be evaluated: its batches wait.
    """
    if table:
        _require_table(department, table)
    with _connect(settings) as connection:
        values = {"department": department.id, "table": table, "batch": batch}
        found = connection.execute(_TO_REPLAY, values).fetchall()
        if not found:
            raise ConfigError(
                f"{department.id}: no batch is held and no row lies in quarantine there.", "See: yidang quarantine list"
            )
        for name, batches in found:
            forget = sql.SQL(_FORGET).format(raw=sql.Identifier(department.schema, name))
            connection.execute(forget, {"batches": batches})
            connection.execute("update landing.batch set gate = 'pending' where batch_id = any(%s)", (batches,))
    return check_pending(settings, department)


def release(settings: Settings, batch: int, reason: str) -> None:
    """Let a held batch pass; its failing rows stay out. Keeps who decided, when and why.

    Raises ConfigError when it is not held or no reason is given.
    """
    if not reason.strip():
        raise ConfigError("A batch is not let through without a reason.", 'Add --reason "why these rows are right".')
    with _connect(settings) as connection:
        released = connection.execute(
            "update landing.batch set gate = 'passed', gated_at = now() where batch_id = %s and gate = 'held'", (batch,)
        ).rowcount
        if not released:
            raise ConfigError(f"Batch {batch} is not held.", "See: yidang quarantine list")
        connection.execute(
            "insert into landing.gate_decision (batch_id, decided_by, reason) values (%s, %s, %s)",
            (batch, getpass.getuser(), reason.strip()),
        )


def held(settings: Settings, department: str | None = None) -> list[Held]:
    """Every batch that is held."""
    with _connect(settings) as connection:
        rows = connection.execute(
            "select department, table_name, batch_id, rows_landed, coalesce(held_because, '') from landing.batch"
            " where gate = 'held' and (%(department)s::text is null or department = %(department)s) order by 1, 2, 3",
            {"department": department},
        )
        return [Held(*row) for row in rows]


def department_id(settings: Settings, name: str) -> str:
    """The id of a department by its id or file, also of one whose file is gone. Raises ConfigError naming the known."""
    try:
        return contracts.load_department(settings, name).id
    except ConfigError:
        with _connect(settings) as connection:
            has_landed = "select exists (select from landing.batch where department = %s)"
            if connection.execute(has_landed, (name,)).fetchone()[0]:
                return name
        raise


def _require_table(department: Department, table: str) -> None:
    names = [entry.name for entry in department.tables]
    if table not in names:
        raise ConfigError(f"{department.id} has no table {table!r}.", f"It has {', '.join(names)}.")


def _connect(settings: Settings) -> psycopg.Connection:
    return psycopg.connect(settings.dsn("loader"), application_name="yidang quarantine")
