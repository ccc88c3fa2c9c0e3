"""The status on a terminal. What it says is in the report; here is only how it looks."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from yidang.progress import console
from yidang.status.marts import MartsState
from yidang.status.report import StatusReport


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


def _in_words(marts: MartsState, time_zone: str) -> str:
    mark = "[yellow]![/yellow]" if marts.warning else _mark(True)
    said = f" as of {marts.as_of}, built {marts.built_at:%Y-%m-%d %H:%M} ({time_zone})" if marts.as_of else ""
    return f"{mark} Marts{said}{': ' if marts.warning else ''}{marts.warning}."


def _mark(good: bool) -> str:
    return "[green]✓[/green]" if good else "[red]✗[/red]"
