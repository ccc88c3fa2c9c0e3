"""What each department has landed, and why one needs attention."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import psycopg

from yidang import contracts
from yidang.errors import ConfigError
from yidang.settings import TIMEZONE, Settings
from yidang.status.words import batches

_LANDED = """
select
    status.department,
    min(status.last_success_at) as oldest_success_at,
    max(status.last_error) filter (where status.last_error_at > coalesce(status.last_success_at, '-infinity')) as error,
    count(status.last_success_at) as tables_landed
from landing.table_status as status
group by status.department
"""
# A batch may wait while its pull is still reading other tables; longer, or when no pull runs, the gate has failed.
_COUNTS = """
select
    department,
    coalesce(sum(rows_landed), 0)::bigint as rows_landed,
    count(*) filter (where gate = 'held') as held_batches,
    count(*) filter (
        where gate = 'pending' and (
            landed_at < now() - interval '15 minutes'
            or not exists (
                select from pg_stat_activity
                where application_name in (left('yidang pull ' || department, 63), 'yidang gate')
            )
        )
    ) as waiting_batches,
    (select count(*) from landing.quarantine as bad where bad.department = batch.department) as quarantined
from landing.batch as batch
group by department
"""


@dataclass(frozen=True)
class DepartmentState:
    """One department: tables that landed at least once, rows in raw, and why it needs attention ('' if it does not).

    A number is None where it is unknown: the warehouse is down, or the department's YAML cannot be read.
    """

    department: str
    name: str
    tables: int | None
    tables_landed: int | None
    rows_landed: int | None
    rows_quarantined: int | None
    last_success: datetime | None
    problem: str


@dataclass(frozen=True)
class Ledger:
    """Rows of the queries above, by department."""

    landed: dict[str, tuple]
    counts: dict[str, tuple]


def read_ledger(connection: psycopg.Connection) -> Ledger:
    """What the ledger says of all departments; nothing where there is none yet."""
    if not connection.execute("select to_regclass('landing.table_status')").fetchone()[0]:
        return Ledger({}, {})
    return Ledger(*({row[0]: row for row in connection.execute(query)} for query in (_LANDED, _COUNTS)))


def look(settings: Settings, ledger: Ledger | None) -> list[DepartmentState]:
    """Every department of departments/, by id; a broken YAML is a state too. ledger: None if nobody answers."""
    states = []
    for path in sorted(settings.departments_dir.glob("*.yml")):
        try:
            department = contracts.load_department(settings, path)
        except ConfigError as error:
            problem = " ".join(f"{error.what} {error.cure}".split())
            states.append(_unknown(path.stem, "", None, problem))
            continue
        if ledger is None:
            problem = "unknown: the warehouse is down"
            states.append(_unknown(department.id, department.name, len(department.tables), problem))
        else:
            states.append(_department(department, ledger.landed.get(department.id), ledger.counts.get(department.id)))
    return states


def _department(department: contracts.Department, landed: tuple | None, counts: tuple | None) -> DepartmentState:
    _, oldest, error, tables_landed = landed or (None, None, None, 0)
    _, rows, held, waiting, quarantined = counts or (None, 0, 0, 0, 0)
    problem = ""
    if error:
        problem = error.splitlines()[0]
    elif held:
        problem = f"{batches(held)} held by the gate"
    elif waiting:
        problem = f"{batches(waiting)} waiting for the gate: the last pull's log says why"
    elif tables_landed < len(department.tables):
        problem = "not pulled yet" if not tables_landed else "some tables were never pulled"
    elif oldest:
        hours = (datetime.now(TIMEZONE) - oldest).total_seconds() / 3600
        if hours > department.freshness_hours:
            problem = f"stale: {hours:.0f} h since the last pull, allowed {department.freshness_hours:.0f}"
    return DepartmentState(
        department.id,
        department.name,
        len(department.tables),
        tables_landed,
        rows,
        quarantined,
        oldest.astimezone(TIMEZONE) if oldest else None,
        problem,
    )


def _unknown(department: str, name: str, tables: int | None, problem: str) -> DepartmentState:
    return DepartmentState(department, name, tables, None, None, None, None, problem)
