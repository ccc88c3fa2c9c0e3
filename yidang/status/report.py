"""All that `yidang status` knows, collected once; a terminal, a script or a page shows it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

import psycopg

from yidang import build_state
from yidang.errors import ConfigError, first_line
from yidang.settings import TIMEZONE, Settings
from yidang.status import calendar, departments, services
from yidang.status.calendar import CalendarState
from yidang.status.departments import DepartmentState
from yidang.status.marts import MartsState, judge_marts
from yidang.status.services import ServiceState


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
    report = StatusReport(calendar=calendar.look(settings), services=services.look(settings))
    ledger = None
    try:
        with psycopg.connect(settings.dsn("loader"), connect_timeout=5) as connection:
            ledger = departments.read_ledger(connection)
        with psycopg.connect(settings.dsn("transformer"), connect_timeout=5) as connection:
            report.marts = judge_marts(build_state.standing(connection), recorded=settings.as_of())
    except psycopg.OperationalError as error:
        report.warehouse_problem = f"The warehouse does not answer: {first_line(error)}"
    except ConfigError as error:
        report.warehouse_problem = f"The warehouse is not set up yet (make demo): {error.what}"
    report.departments = departments.look(settings, None if report.warehouse_problem else ledger)
    return report
