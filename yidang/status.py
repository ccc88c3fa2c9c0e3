"""`yidang status`: what runs, what landed, what is stale. Health is about operations, so here "now" is the clock's."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from pathlib import Path

import psycopg
from rich.markup import escape
from rich.table import Table

from yidang import build_state, contracts
from yidang.errors import ConfigError, first_line
from yidang.progress import console
from yidang.services import airflow, postgres, process, superset
from yidang.settings import TIMEZONE, Settings

CALENDAR_WARNING_DAYS = 60

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
class ServiceState:
    """One service: where it answers, and why it does not ('' if it does)."""

    name: str
    running: bool
    where: str
    problem: str


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
class CalendarState:
    """The last day whose working days are known; a warning while there is time, a problem once figures need more."""

    last_day: date
    warning: str
    problem: str


@dataclass(frozen=True)
class MartsState:
    """The day that the marts are true for and when their last whole build ended; None where there was none.

    warning: why they are not what a build would give now; unread_batches: batches that landed since.
    """

    as_of: date | None
    built_at: datetime | None
    unread_batches: int | None
    warning: str


@dataclass
class StatusReport:
    """marts: None where the warehouse does not say."""

    calendar: CalendarState
    marts: MartsState | None = None
    time_zone: str = TIMEZONE.key
    services: list[ServiceState] = field(default_factory=list)
    departments: list[DepartmentState] = field(default_factory=list)
    warehouse_problem: str = ""

    @property
    def healthy(self) -> bool:
        """Nothing is down, failed, held, waiting for the gate or older than its freshness; the calendar reaches."""
        troubled = [state for state in [*self.services, *self.departments, self.calendar] if state.problem]
        return not self.warehouse_problem and not troubled

    def as_dict(self) -> dict:
        return {"healthy": self.healthy, **asdict(self)}


def collect(settings: Settings) -> StatusReport:
    """Ask the processes and the ledger. A dead warehouse or a broken YAML is a line of the report, not an error."""
    report = StatusReport(calendar=_calendar(settings), services=_services(settings))
    landed, counts = {}, {}
    try:
        with psycopg.connect(settings.dsn("loader"), connect_timeout=5) as connection:
            if connection.execute("select to_regclass('landing.table_status')").fetchone()[0]:
                landed = {row[0]: row for row in connection.execute(_LANDED)}
                counts = {row[0]: row for row in connection.execute(_COUNTS)}
        with psycopg.connect(settings.dsn("transformer"), connect_timeout=5) as connection:
            report.marts = judge_marts(build_state.standing(connection), recorded=settings.as_of())
    except psycopg.OperationalError as error:
        report.warehouse_problem = f"The warehouse does not answer: {first_line(error)}"
    except ConfigError as error:
        report.warehouse_problem = f"The warehouse is not set up yet (make demo): {error.what}"
    for path in sorted(settings.departments_dir.glob("*.yml")):
        try:
            department = contracts.load_department(settings, path)
        except ConfigError as error:
            problem = " ".join(f"{error.what} {error.cure}".split())
            report.departments.append(_unknown(path.stem, "", None, problem))
            continue
        if report.warehouse_problem:
            problem = "unknown: the warehouse is down"
            state = _unknown(department.id, department.name, len(department.tables), problem)
        else:
            state = _department(department, landed.get(department.id), counts.get(department.id))
        report.departments.append(state)
    return report


def render(report: StatusReport) -> None:
    """Print the report as two small tables and a line each about the marts and the calendar."""
    services = Table(title="Services", title_justify="left", box=None, padding=(0, 2, 0, 0))
    for column in ("", "service", "where"):
        services.add_column(column)
    for state in report.services:
        services.add_row(_mark(state.running), state.name, escape(state.problem or state.where))
    console.print(services)
    departments = Table(title="Departments", title_justify="left", box=None, padding=(0, 2, 0, 0))
    for column in ("", "department", "tables"):
        departments.add_column(column)
    for column in ("rows in raw", "quarantined"):
        departments.add_column(column, justify="right")
    for column in (f"last success ({report.time_zone})", "needs attention"):
        departments.add_column(column)
    for state in report.departments:
        known = state.tables_landed is not None
        departments.add_row(
            _mark(not state.problem),
            f"{state.department} {state.name}",
            f"{state.tables_landed}/{state.tables}" if known else "?",
            f"{state.rows_landed:,}" if known else "?",
            f"{state.rows_quarantined:,}" if known else "?",
            (f"{state.last_success:%Y-%m-%d %H:%M}" if state.last_success else "never") if known else "?",
            f"[red]{escape(state.problem)}[/red]" if state.problem else "",
        )
    console.print(departments)
    if report.marts:
        console.print(_in_words(report.marts, report.time_zone))
    calendar = report.calendar
    if calendar.problem or calendar.warning:
        mark = "[red]✗[/red]" if calendar.problem else "[yellow]![/yellow]"
        console.print(f"{mark} {calendar.problem or calendar.warning}")
    else:
        console.print(f"{_mark(True)} Working days are known up to {calendar.last_day}.")
    if report.warehouse_problem:
        console.print(f"[red]✗[/red] {escape(report.warehouse_problem)}")


# -- services ----------------------------------------------------------------------------------------------
def _services(settings: Settings) -> list[ServiceState]:
    host, port = settings.server
    district_port = settings.port("district_postgres")
    states = [
        _state("PostgreSQL (warehouse)", _warehouse_runs(settings), f"{host}:{port}"),
        _state(
            "PostgreSQL (made-up district)",
            postgres.is_running(settings, postgres.DISTRICT),
            f"127.0.0.1:{district_port}",
        ),
    ]
    for name, label, port_name, where in (
        ("district_http", "HTTP (made-up district)", "district_http", _address(settings, "district_http")),
        (airflow.API, "Airflow api-server", "airflow", airflow.url(settings)),
        (airflow.SCHEDULER, "Airflow scheduler", None, ""),
        (airflow.DAG_PROCESSOR, "Airflow dag-processor", None, ""),
        (airflow.TRIGGERER, "Airflow triggerer", None, ""),
        ("superset", "Superset", "superset", superset.url(settings)),
    ):
        lives = process.find(settings, name) is not None
        if lives and port_name and not process.port_answers(settings.port(port_name)):
            problem = f"its process lives, but nothing answers at {where}: is YIDANG_PORT_BASE the one it began with?"
            states.append(ServiceState(label, False, where, problem))
        else:
            states.append(_state(label, lives, where))
    return states


def _state(label: str, running: bool, where: str) -> ServiceState:
    return ServiceState(label, running, where, "" if running else "not running: make demo")


def _address(settings: Settings, service: str) -> str:
    return f"http://127.0.0.1:{settings.port(service)}/"


def _warehouse_runs(settings: Settings) -> bool:
    if settings.admin_url:
        return process.port_answers(settings.server[1], settings.server[0])
    return postgres.is_running(settings, postgres.WAREHOUSE)


# -- departments -------------------------------------------------------------------------------------------
def _department(department: contracts.Department, landed: tuple | None, counts: tuple | None) -> DepartmentState:
    _, oldest, error, tables_landed = landed or (None, None, None, 0)
    _, rows, held, waiting, quarantined = counts or (None, 0, 0, 0, 0)
    problem = ""
    if error:
        problem = error.splitlines()[0]
    elif held:
        problem = f"{_batches(held)} held by the gate"
    elif waiting:
        problem = f"{_batches(waiting)} waiting for the gate: the last pull's log says why"
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


def _batches(number: int) -> str:
    return f"{number} batch" if number == 1 else f"{number} batches"


# -- the marts ---------------------------------------------------------------------------------------------
def judge_marts(standing: build_state.Standing, *, recorded: date) -> MartsState:
    """A warning where a build would give other marts. recorded: the day it would be for (settings.as_of)."""
    unread = standing.unread_batches
    if standing.is_building:
        warning = "a build is running"
    elif not standing.is_built:
        warning = "never built: yidang build"
    elif standing.as_of is None:
        warning = "the last build broke off or was of a part, so they may be of several days: yidang build"
    else:
        reasons = [f"a build would now be for {recorded}"] if standing.as_of != recorded else []
        reasons += [f"{_batches(unread)} landed since"] if unread else []
        warning = f"{'; '.join(reasons)}: yidang build" if reasons else ""
    built_at = standing.built_at.astimezone(TIMEZONE) if standing.built_at else None
    return MartsState(standing.as_of, built_at, unread, warning)


def _in_words(marts: MartsState, time_zone: str) -> str:
    mark = "[yellow]![/yellow]" if marts.warning else _mark(True)
    said = f" as of {marts.as_of}, built {marts.built_at:%Y-%m-%d %H:%M} ({time_zone})" if marts.as_of else ""
    return f"{mark} Marts{said}{': ' if marts.warning else ''}{marts.warning}."


# -- the calendar ------------------------------------------------------------------------------------------
def _calendar(settings: Settings) -> CalendarState:
    return judge_calendar(_last_day(settings), as_of=settings.as_of(), today=datetime.now(TIMEZONE).date())


def judge_calendar(last_day: date, *, as_of: date, today: date) -> CalendarState:
    """A problem when the figures' own day lies beyond the calendar; a warning when that is near, or today does."""
    left = (last_day - max(as_of, today)).days
    text = f"The calendar ends on {last_day}, in {left} days" if left >= 0 else f"The calendar ended on {last_day}"
    text += ": add next year's notice, docs/operations.md."
    if as_of > last_day:
        return CalendarState(last_day, "", text)
    return CalendarState(last_day, text if left <= CALENDAR_WARNING_DAYS else "", "")


def _last_day(settings: Settings) -> date:
    """The last day of the calendar that was built; before the first build, or without a warehouse, of its seed."""
    try:
        with psycopg.connect(settings.dsn("reader"), connect_timeout=5) as connection:
            if connection.execute("select to_regclass('marts.dim_calendar')").fetchone()[0]:
                (built,) = connection.execute("select max(date_day) from marts.dim_calendar").fetchone()
                if built:
                    return built
    except (psycopg.Error, ConfigError):
        pass  # collect() reports the warehouse
    return _last_day_of_seed(settings.dbt_dir / "seeds" / "calendar_years.csv")


def _last_day_of_seed(path: Path) -> date:
    with path.open(encoding="utf-8") as file:
        return date(max(int(row["calendar_year"]) for row in csv.DictReader(file)), 12, 31)


def _mark(good: bool) -> str:
    return "[green]✓[/green]" if good else "[red]✗[/red]"
