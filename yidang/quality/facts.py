"""What the page shows of the ledger: checks and their history, quarantine, drift, days that differ."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import psycopg
from psycopg.rows import class_row

from yidang.landing import ledger
from yidang.settings import Settings

HISTORY = 60
MOST = 200
# A rule that its table's last check did not have is in no suite any more.
_CHECKS = f"""
with checked as (
    select department, table_name, max(checked_at) as last_at from landing.expectation_result group by 1, 2
)
select
    department, table_name, rule, last.reason, last.severity, last.success, last.element_count,
    last.unexpected_count, last.share, last.mostly, last.observed_value, last.checked_at, line.shares, line.checks
from checked
cross join lateral (
    select distinct on (rule) rule, coalesce(reason, rule) as reason, severity, success, element_count,
        unexpected_count, mostly, observed_value, checked_at,
        coalesce(failing_share, unexpected_count::float8 / nullif(element_count, 0)) as share
    from landing.expectation_result as result
    where result.department = checked.department and result.table_name = checked.table_name
        and checked_at = last_at
    order by rule, result_id desc
) as last
cross join lateral (
    select array_agg(share order by result_id) as shares, count(*) as checks
    from (
        select result_id, case
            when unexpected_count is null then (not success)::integer::float8
            else coalesce(failing_share, unexpected_count::float8 / nullif(element_count, 0), 0)
        end as share
        from landing.expectation_result as result
        where result.department = checked.department and result.table_name = checked.table_name
            and result.rule = last.rule
        order by result_id desc limit {HISTORY}
    ) as recent
) as line
order by department, table_name, last.share desc nulls last, rule
"""  # noqa: S608 - a number of ours
_HELD = """
select department, table_name, batch_id, rows_landed, gated_at, held_because
from landing.batch where gate = 'held' order by department, table_name, batch_id
"""
_QUARANTINE = """
select
    department, table_name, rule, severity, count(*) as rows, max(quarantined_at) as last_at,
    min(reason) as reason, count(distinct reason) as reasons,
    min(array[batch_id, row_number]) as first_address, max(array[batch_id, row_number]) as last_address
from landing.quarantine
group by department, table_name, rule, severity
order by severity, rows desc, department, table_name, rule
"""
_DRIFT = f"""
select department, table_name, column_name, change, seen_at, count(*) over () as total
from landing.drift order by seen_at desc, department, table_name, column_name limit {MOST}
"""  # noqa: S608
_DIFFERENCES = f"""
select department, table_name, day, source_rows, landed_rows, checked_at, count(*) over () as total
from landing.reconciliation
where is_different
order by day desc nulls last, department, table_name limit {MOST}
"""  # noqa: S608


@dataclass(frozen=True)
class Check:
    """A rule's last result. share: of the values that it looked at; shares: the same of its checks, oldest first."""

    department: str
    table_name: str
    rule: str
    reason: str
    severity: str
    success: bool
    element_count: int | None
    unexpected_count: int | None
    share: float | None
    mostly: float | None
    observed_value: str | None
    checked_at: datetime
    shares: list[float]
    checks: int

    @property
    def allowed(self) -> float | None:
        """The share that may break the rule; None for a rule about the table as a whole."""
        if self.unexpected_count is None:
            return None
        return 0 if self.mostly is None else 1 - self.mostly

    @property
    def verdict(self) -> str:
        """missed: a threshold, or a rule about the table; broken: by some rows; met: by all of them or nearly."""
        if self.success:
            return "met"
        return "missed" if self.mostly is not None or self.unexpected_count is None else "broken"


@dataclass(frozen=True)
class Held:
    """A batch that waits as a whole for somebody's decision."""

    department: str
    table_name: str
    batch_id: int
    rows_landed: int
    gated_at: datetime | None
    held_because: str | None


@dataclass(frozen=True)
class Quarantined:
    """Rows that break one rule. Addresses are (batch, row number), since the contents may be personal data.

    So may be a reason that landing gives each row of its own, in other words than the next.
    """

    department: str
    table_name: str
    rule: str
    reason: str
    reasons: int
    severity: str
    rows: int
    last_at: datetime
    first_address: list[int]
    last_address: list[int]

    @property
    def addresses(self) -> list[list[int]]:
        return [self.first_address, *([self.last_address] if self.last_address != self.first_address else [])]


@dataclass(frozen=True)
class Drifted:
    department: str
    table_name: str
    column_name: str
    change: str
    seen_at: datetime
    total: int


@dataclass(frozen=True)
class Difference:
    """A day of which the source has other rows than what has landed; None: rows without a day, or a table without."""

    department: str
    table_name: str
    day: str | None
    source_rows: int
    landed_rows: int
    checked_at: datetime
    total: int


@dataclass
class Facts:
    """Everything the page shows of the ledger; empty where there is none yet."""

    held: list[Held] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    drifted: list[Drifted] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)

    def tables(self) -> list[tuple[str, str, list[Check]]]:
        """(department, table, its checks) of every table that was checked; what needs a look first."""
        grouped: dict[tuple[str, str], list[Check]] = {}
        for check in self.checks:
            grouped.setdefault((check.department, check.table_name), []).append(check)
        ordered = sorted(grouped.items(), key=lambda item: (min(_ORDER[check.verdict] for check in item[1]), item[0]))
        return [(*name, sorted(checks, key=lambda check: _ORDER[check.verdict])) for name, checks in ordered]

    def count(self, verdict: str) -> int:
        return sum(check.verdict == verdict for check in self.checks)

    def rows(self, severity: str) -> int:
        return sum(entry.rows for entry in self.quarantined if entry.severity == severity)


_ORDER = {"missed": 0, "broken": 1, "met": 2}


def collect(settings: Settings) -> Facts:
    """Read the ledger; nothing where it was never made, or is older than this version."""
    with psycopg.connect(settings.dsn("loader"), application_name="yidang quality", connect_timeout=10) as connection:
        connection.execute("set transaction isolation level repeatable read, read only")  # the page is of one moment
        if not ledger.is_complete(connection):
            return Facts()

        def rows(kind: type, query: str) -> list:
            with connection.cursor(row_factory=class_row(kind)) as cursor:
                return cursor.execute(query).fetchall()

        return Facts(
            rows(Held, _HELD),
            rows(Check, _CHECKS),
            rows(Quarantined, _QUARANTINE),
            rows(Drifted, _DRIFT),
            rows(Difference, _DIFFERENCES),
        )
