"""The status on a terminal. What it says is in the report; here is only how it looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from rich.markup import escape
from rich.table import Table

from yidang.progress import console
from yidang.status.departments import PROBLEM, DepartmentState, Finding
from yidang.status.marts import MartsState
from yidang.status.report import StatusReport
from yidang.status.words import count

WIDE = 100


def render(report: StatusReport) -> None:
    """Print the report: services, departments and what needs attention there, the marts, the calendar."""
    services = Table(title="Services", title_justify="left", box=None, padding=(0, 2, 0, 0))
    for column in ("", "service", "where"):
        services.add_column(column)
    for state in report.services:
        services.add_row(_mark(state.running), state.name, escape(state.problem or state.where))
    console.print(services)
    console.print(_departments(report))
    for state in report.departments:
        for finding in state.findings:
            # How much lies in quarantine stands in the table.
            if finding.kind != "quarantined":
                console.print(_attention(state, finding))
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


def _departments(report: StatusReport) -> Table:
    title = f"Departments (times in {report.time_zone})"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0))
    # On a narrow terminal what is left out is either in the lines below the table or in --json.
    shown = [column for column in _COLUMNS if console.width >= WIDE or column.narrow]
    for column in shown:
        table.add_column(column.heading, justify=column.justify, no_wrap=True, overflow="ellipsis")
    for state in report.departments:
        table.add_row(*(column.cell(state) for column in shown))
    return table


def _state_mark(state: DepartmentState) -> str:
    return "[yellow]![/yellow]" if state.findings and not state.problem else _mark(not state.problem)


def _batch(state: DepartmentState) -> str:
    return f"#{state.last_batch_id} {_short(state.last_batch_at)}" if state.last_batch_id else "none"


def _lag(state: DepartmentState) -> str:
    lag = "never" if state.lag_hours is None else f"{state.lag_hours:,.1f} h of {state.freshness_hours:g} h"
    return _coloured(lag, "red" if _has(state, "stale") else "")


def _quarantine(state: DepartmentState) -> str:
    rows = f"{state.rows_failed:,} + {state.rows_warned:,}"
    return _coloured(rows, "yellow" if _has(state, "quarantined") else "")


def _source(state: DepartmentState) -> str:
    if not state.compared_at:
        return "–"
    differing = state.days_differing
    return _coloured(f"≠ {count(differing, 'day', 'days')}", "yellow") if differing else "="


def _next_run(state: DepartmentState) -> str:
    return "paused" if state.paused else _short(state.next_run)


def _if_landed(cell: Callable[[DepartmentState], str]) -> Callable[[DepartmentState], str]:
    """A question mark where nobody knows what has landed."""
    return lambda state: "?" if state.tables_landed is None else cell(state)


@dataclass(frozen=True)
class _Column:
    heading: str
    cell: Callable[[DepartmentState], str]
    narrow: bool = True
    justify: str = "left"


_COLUMNS = (
    _Column("", _state_mark),
    _Column("department", lambda state: escape(f"{state.department} {state.name}".strip())),
    _Column("tables", _if_landed(lambda state: f"{state.tables_landed}/{state.tables}"), False, "right"),
    _Column("rows in raw", _if_landed(lambda state: f"{state.rows_landed:,}"), justify="right"),
    _Column("last batch", _if_landed(_batch), narrow=False),
    _Column("since success", _if_landed(_lag)),
    _Column("out + doubted", _if_landed(_quarantine), justify="right"),
    _Column("source", _if_landed(_source), narrow=False),
    _Column("next run", _next_run),
)


def _has(state: DepartmentState, kind: str) -> bool:
    return any(finding.kind == kind for finding in state.findings)


def _attention(state: DepartmentState, finding: Finding) -> str:
    sign, colour = ("✗", "red") if finding.severity == PROBLEM else ("!", "yellow")
    since = f" (since {_short(finding.since)})" if finding.since else ""
    return f"[{colour}]{sign}[/{colour}] {state.department}: {_coloured(finding.text + since, colour)}"


def _short(moment: datetime | None) -> str:
    """Without the year: the table has to fit."""
    return f"{moment:%m-%d %H:%M}" if moment else "?"


def _coloured(text: str, colour: str) -> str:
    return f"[{colour}]{escape(text)}[/{colour}]" if colour else escape(text)


def _in_words(marts: MartsState, time_zone: str) -> str:
    mark = "[yellow]![/yellow]" if marts.warning else _mark(True)
    said = f" as of {marts.as_of}, built {marts.built_at:%Y-%m-%d %H:%M} ({time_zone})" if marts.as_of else ""
    return f"{mark} Marts{said}{': ' if marts.warning else ''}{marts.warning}."


def _mark(good: bool) -> str:
    return "[green]✓[/green]" if good else "[red]✗[/red]"
