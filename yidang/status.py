"""`yidang status`: what runs, what landed, what is stale. Health is about operations, so here "now" is the clock's."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime

import psycopg
from rich.table import Table

from yidang import contracts
from yidang.progress import console
from yidang.services import airflow, postgres, process, superset
from yidang.settings import TIMEZONE, Settings

_LANDED = """
select
    status.department,
    min(status.last_success_at) as oldest_success_at,
    max(status.last_error) filter (where status.last_error_at > coalesce(status.last_success_at, '-infinity')) as error,
    count(status.last_success_at) as tables_landed
from landing.table_status as status
group by status.department
"""
_COUNTS = """
select
    department,
    coalesce(sum(rows_landed), 0)::bigint as rows_landed,
    count(*) filter (where gate = 'held') as held_batches,
    (select count(*) from landing.quarantine as bad where bad.department = batch.department) as quarantined
from landing.batch as batch
group by department
"""


@dataclass(frozen=True)
class ServiceState:
    name: str
    running: bool
    where: str


@dataclass(frozen=True)
class DepartmentState:
    """One department: tables that landed at least once, rows in raw, and why it needs attention ('' if it does not)."""

    department: str
    name: str
    tables: int
    tables_landed: int
    rows_landed: int
    rows_quarantined: int
    last_success: datetime | None
    problem: str


@dataclass
class StatusReport:
    services: list[ServiceState] = field(default_factory=list)
    departments: list[DepartmentState] = field(default_factory=list)
    warehouse_problem: str = ""

    @property
    def healthy(self) -> bool:
        """Nothing is down, failed, held or older than its freshness."""
        troubled = [state for state in self.departments if state.problem]
        return not self.warehouse_problem and not troubled and all(service.running for service in self.services)

    def as_dict(self) -> dict:
        return {"healthy": self.healthy, **asdict(self)}


def collect(settings: Settings) -> StatusReport:
    """Ask the processes and the ledger. A dead warehouse is a line of the report, not an error."""
    report = StatusReport(services=_services(settings))
    landed, counts = {}, {}
    try:
        with psycopg.connect(settings.dsn("loader"), connect_timeout=5) as connection:
            if connection.execute("select to_regclass('landing.table_status')").fetchone()[0]:
                landed = {row[0]: row for row in connection.execute(_LANDED)}
                counts = {row[0]: row for row in connection.execute(_COUNTS)}
    except psycopg.OperationalError as error:
        report.warehouse_problem = f"The warehouse does not answer: {str(error).strip().splitlines()[-1]}"
    for department in contracts.load_departments(settings):
        report.departments.append(_department(department, landed.get(department.id), counts.get(department.id)))
    return report


def render(report: StatusReport) -> None:
    """Print the report as two small tables."""
    services = Table(title="Services", title_justify="left", box=None, padding=(0, 2, 0, 0))
    for column in ("", "service", "where"):
        services.add_column(column)
    for state in report.services:
        services.add_row(_mark(state.running), state.name, state.where if state.running else "not running: make demo")
    console.print(services)
    departments = Table(title="Departments", title_justify="left", box=None, padding=(0, 2, 0, 0))
    for column in ("", "department", "tables"):
        departments.add_column(column)
    for column in ("rows in raw", "quarantined"):
        departments.add_column(column, justify="right")
    for column in ("last success", "needs attention"):
        departments.add_column(column)
    for state in report.departments:
        departments.add_row(
            _mark(not state.problem),
            f"{state.department} {state.name}",
            f"{state.tables_landed}/{state.tables}",
            f"{state.rows_landed:,}",
            f"{state.rows_quarantined:,}",
            f"{state.last_success:%Y-%m-%d %H:%M}" if state.last_success else "never",
            state.problem,
        )
    console.print(departments)
    if report.warehouse_problem:
        console.print(f"[red]✗[/red] {report.warehouse_problem}")


def _services(settings: Settings) -> list[ServiceState]:
    host, port = settings.server
    states = [
        ServiceState("PostgreSQL (warehouse)", _warehouse_runs(settings), f"{host}:{port}"),
        ServiceState(
            "PostgreSQL (made-up district)",
            postgres.is_running(settings, postgres.DISTRICT),
            f"127.0.0.1:{settings.port('district_postgres')}",
        ),
    ]
    for name, label, where in (
        ("district_http", "HTTP (made-up district)", f"http://127.0.0.1:{settings.port('district_http')}/"),
        ("airflow-api", "Airflow api-server", airflow.url(settings)),
        ("airflow-scheduler", "Airflow scheduler", ""),
        ("airflow-dag-processor", "Airflow dag-processor", ""),
        ("airflow-triggerer", "Airflow triggerer", ""),
        ("superset", "Superset", superset.url(settings)),
    ):
        states.append(ServiceState(label, process.find(settings, name) is not None, where))
    return states


def _warehouse_runs(settings: Settings) -> bool:
    if settings.admin_url:
        return process.port_answers(settings.server[1], settings.server[0])
    return postgres.is_running(settings, postgres.WAREHOUSE)


def _department(department: contracts.Department, landed: tuple | None, counts: tuple | None) -> DepartmentState:
    oldest, error, tables_landed = (landed[1], landed[2], landed[3]) if landed else (None, None, 0)
    rows, held, quarantined = (counts[1], counts[2], counts[3]) if counts else (0, 0, 0)
    problem = ""
    if error:
        problem = error.splitlines()[0]
    elif held:
        problem = f"{held} batches held by the gate"
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


def _mark(good: bool) -> str:
    return "[green]✓[/green]" if good else "[red]✗[/red]"
