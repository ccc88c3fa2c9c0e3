"""What each department has landed, when it comes next, and what needs attention."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import psycopg
from psycopg.rows import dict_row

from yidang import contracts
from yidang.errors import ConfigError
from yidang.services import airflow
from yidang.settings import TIMEZONE, Settings
from yidang.status.words import count

PROBLEM, WARNING = "problem", "warning"
# landing.drift is never emptied: what changed longer ago is shown, but is no news.
DRIFT_WARNING = timedelta(days=30)

# Facts by department, each query where its table exists: an installation that has not pulled since an upgrade lacks
# the newer ones.
_FACTS = {
    "landing.table_status": """
        select
            department,
            min(last_success_at) as last_success,
            count(last_success_at) as tables_landed,
            max(last_error) filter (where fails) as last_error,
            coalesce(array_agg(table_name order by table_name) filter (where fails), '{}') as tables_failing
        from landing.table_status, lateral (
            select last_error is not null and last_error_at > coalesce(last_success_at, '-infinity') as fails
        ) as judged
        group by department
    """,
    # A batch may wait while its pull is still reading other tables; longer, or when no pull runs, the gate has failed.
    "landing.batch": """
        select
            department,
            coalesce(sum(rows_landed), 0)::bigint as rows_landed,
            max(batch_id) as last_batch_id,
            max(landed_at) as last_batch_at,
            count(*) filter (where gate = 'held') as batches_held,
            count(*) filter (
                where gate = 'pending' and (
                    landed_at < now() - interval '15 minutes'
                    or not exists (
                        select from pg_stat_activity
                        where application_name in (left('yidang pull ' || department, 63), 'yidang gate')
                    )
                )
            ) as batches_waiting
        from landing.batch
        group by department
    """,
    # A row that breaks three rules is one row.
    "landing.quarantine": """
        select
            department,
            count(*) as rows_quarantined,
            count(*) filter (where is_failed) as rows_failed,
            count(*) filter (where is_warned) as rows_warned
        from (
            select department, bool_or(severity = 'fail') as is_failed, bool_or(severity = 'warn') as is_warned
            from landing.quarantine
            group by department, table_name, batch_id, row_number
        ) as bad
        group by department
    """,
    "landing.drift": """
        select
            department,
            count(*) filter (where change = 'added') as columns_added,
            count(*) filter (where change = 'missing') as columns_missing,
            count(*) filter (where change = 'retyped') as columns_retyped,
            (array_agg(table_name || '.' || column_name || ' ' || change order by seen_at desc))[1] as newest_drift,
            max(seen_at) as newest_drift_at
        from landing.drift
        group by department
    """,
    "landing.reconciliation": """
        select
            department,
            count(*) filter (where is_different) as days_differing,
            max(checked_at) as compared_at
        from landing.reconciliation
        group by department
    """,
    # Since when the hourly check (yidang/watch.py) knows of what it tells people.
    "landing.alert": """
        select department, jsonb_object_agg(kind, since) as since
        from landing.alert
        where cleared_at is null
        group by department
    """,
}

# What is 0 where the ledger has no row of the department yet.
_COUNTS = (
    "tables_landed",
    "rows_landed",
    "rows_quarantined",
    "rows_failed",
    "rows_warned",
    "batches_held",
    "batches_waiting",
    "columns_added",
    "columns_missing",
    "columns_retyped",
    "days_differing",
)


@dataclass(frozen=True)
class Finding:
    """One thing that needs attention.

    kind: 'failed', 'held', 'waiting' (for the gate), 'unpulled', 'stale', 'unreadable' (its YAML), 'unknown' (no
    warehouse); 'differs' (from the source), 'drift', 'quarantined'. severity: 'problem' or 'warning'. since: None where
    the hourly check has not noted it.
    """

    kind: str
    severity: str
    text: str
    since: datetime | None = None


@dataclass(frozen=True)
class DepartmentState:
    """One department: what landed and when, what is wrong, when it comes next.

    A number is None where it is unknown: the warehouse is down, or the department's YAML cannot be read. problem: the
    first problem among the findings ('' if there is none). rows_quarantined: rows that lie in quarantine, of which
    rows_failed are kept out and rows_warned only doubted (some are both). lag_hours: since last_success, which is that
    of the table that succeeded longest ago. days_differing: days (of a table without a cursor: the table) that were
    not the same in the source when they were last compared; compared_at is None where they never were. paused: None
    where Airflow does not say.
    """

    department: str
    name: str
    tables: int | None = None
    tables_landed: int | None = None
    tables_failing: tuple[str, ...] = ()
    rows_landed: int | None = None
    rows_quarantined: int | None = None
    rows_failed: int | None = None
    rows_warned: int | None = None
    last_success: datetime | None = None
    lag_hours: float | None = None
    freshness_hours: float | None = None
    last_batch_id: int | None = None
    last_batch_at: datetime | None = None
    batches_held: int | None = None
    batches_waiting: int | None = None
    columns_added: int | None = None
    columns_missing: int | None = None
    columns_retyped: int | None = None
    newest_drift: str | None = None
    newest_drift_at: datetime | None = None
    days_differing: int | None = None
    compared_at: datetime | None = None
    next_run: datetime | None = None
    paused: bool | None = None
    problem: str = ""
    findings: tuple[Finding, ...] = ()


Ledger = dict[str, dict[str, object]]


def read_ledger(connection: psycopg.Connection) -> Ledger:
    """What the ledger says of each department, by the names of DepartmentState; nothing where there is none yet."""
    ledger: Ledger = {}
    with connection.cursor(row_factory=dict_row) as cursor:
        for table, query in _FACTS.items():
            if cursor.execute("select to_regclass(%s) as known", (table,)).fetchone()["known"]:
                for facts in cursor.execute(query).fetchall():
                    ledger.setdefault(facts.pop("department"), {}).update(facts)
    return ledger


def look(settings: Settings, ledger: Ledger | None) -> list[DepartmentState]:
    """Every department of departments/, by id; a broken YAML is a state too. ledger: None if nobody answers."""
    paused = airflow.paused_dags(settings)
    states = []
    for path in sorted(settings.departments_dir.glob("*.yml")):
        try:
            department = contracts.load_department(settings, path)
        except ConfigError as error:
            text = " ".join(f"{error.what} {error.cure}".split())
            since = (ledger or {}).get(path.stem, {}).get("since")
            states.append(_state(path.stem, "", [Finding("unreadable", PROBLEM, text)], since))
            continue
        now = datetime.now(TIMEZONE)
        known = {
            "tables": len(department.tables),
            "freshness_hours": department.freshness_hours,
            "next_run": department.next_run(now),
            "paused": None if paused is None else f"pull_{department.id}" in paused,
        }
        if ledger is None:
            down = Finding("unknown", PROBLEM, "unknown: the warehouse is down")
            states.append(_state(department.id, department.name, [down], **known))
        else:
            states.append(_landed(department, known, ledger.get(department.id, {}), now))
    return states


def _landed(department: contracts.Department, known: dict, ledger: dict, now: datetime) -> DepartmentState:
    facts = {**dict.fromkeys(_COUNTS, 0), **known, **ledger}
    error = facts.pop("last_error", None)
    facts["tables_failing"] = tuple(facts.get("tables_failing", ()))
    for name, value in facts.items():
        if isinstance(value, datetime):
            facts[name] = value.astimezone(TIMEZONE)
    if last_success := facts.get("last_success"):
        facts["lag_hours"] = round((now - last_success).total_seconds() / 3600, 2)
    return _state(department.id, department.name, _findings(department, facts, error, now), **facts)


def _findings(department: contracts.Department, facts: dict, error: str | None, now: datetime) -> list[Finding]:
    """What needs attention, the most urgent first."""
    found = []

    def note(kind: str, severity: str, text: str) -> None:
        found.append(Finding(kind, severity, text))

    if error:
        note("failed", PROBLEM, error.splitlines()[0])
    if held := facts["batches_held"]:
        note("held", PROBLEM, f"{count(held, 'batch', 'batches')} held by the gate")
    if waiting := facts["batches_waiting"]:
        waits = f"{count(waiting, 'batch', 'batches')} waiting for the gate: the last pull's log says why"
        note("waiting", PROBLEM, waits)
    if (landed := facts["tables_landed"]) < facts["tables"]:
        note("unpulled", PROBLEM, "some tables were never pulled" if landed else "not pulled yet")
    lag, allowed = facts.get("lag_hours"), department.freshness_hours
    if lag is not None and lag > allowed:
        note("stale", PROBLEM, f"stale: {lag:.0f} h since the last pull, allowed {allowed:.0f}")
    if differing := facts["days_differing"]:
        days = f"{count(differing, 'day differs', 'days differ')} from the source"
        note("differs", WARNING, f"{days} (compared {facts['compared_at']:%Y-%m-%d %H:%M}): docs/operations.md")
    changed = sum(facts[f"columns_{change}"] for change in ("added", "missing", "retyped"))
    if changed and now - facts["newest_drift_at"] < DRIFT_WARNING:
        newest = f"the newest is {facts['newest_drift']}, {facts['newest_drift_at']:%Y-%m-%d}"
        note("drift", WARNING, f"{count(changed, 'column has', 'columns have')} changed at the source; {newest}")
    if facts["rows_quarantined"]:
        kept = f"{facts['rows_failed']:,} rows kept out and {facts['rows_warned']:,} doubted"
        note("quarantined", WARNING, f"{kept}: yidang quarantine list {department.id}")
    return found


def _state(
    department: str, name: str, findings: list[Finding], since: dict[str, str] | None = None, **facts: object
) -> DepartmentState:
    """since: by kind of finding, ISO times."""
    noted = {kind: datetime.fromisoformat(moment).astimezone(TIMEZONE) for kind, moment in (since or {}).items()}
    dated = tuple(replace(finding, since=noted.get(finding.kind)) for finding in findings)
    problem = next((finding.text for finding in findings if finding.severity == PROBLEM), "")
    return DepartmentState(department, name, problem=problem, findings=dated, **facts)
