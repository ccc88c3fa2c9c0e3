"""A small world whose cases climb the ladders of warnings, built day by day in the real warehouse.

March 2025 has no holiday: 3 March is a Monday, 15 and 16 are a weekend. 4 April 2025 (Friday) is 清明.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import psycopg
import pytest
from clock_world import PROJECT_CODE, Spgl, catalogue_row, land, open_world
from psycopg.rows import dict_row

from yidang import build
from yidang.settings import Settings
from yidang.warning import outbox


def _valid(head: str) -> str:
    """A project code with its check digit (ISO 7064 MOD 11,10)."""
    rest = 10
    for digit in head.replace("-", ""):
        rest = (rest + int(digit)) % 10 or 10
        rest = rest * 2 % 11
    return f"{head}{(11 - rest) % 10}"


WORKS = f"{PROJECT_CODE}-001"
STILL = _valid("2401-320193-04-01-10000")


class World:
    """Lands cases of the department `alpha` (甲局) and builds day after day; no test of dbt's runs with it."""

    def __init__(self, settings: Settings, warehouse: psycopg.Connection, patch: pytest.MonkeyPatch) -> None:
        self.settings, self.warehouse, self.patch = settings, warehouse, patch
        self.sender = Spgl("alpha")
        self.sender.works(WORKS, PROJECT_CODE)

    def case(self, code: str, promised: int, *events: tuple[str, str]) -> None:
        """events: (kind, day)."""
        told = [{"kind": kind, "at": f"{day} 10:00:00"} for kind, day in events]
        self.sender.case(code, WORKS, "X20", promised, told)

    def stalled_project(self) -> None:
        """An open project whose last event is of January 2024."""
        works = f"{STILL}-001"
        self.sender.works(works, STILL)
        events = [
            {"kind": "accepted", "at": "2024-01-04 10:00:00"},
            {"kind": "decided_pass", "at": "2024-01-10 10:00:00"},
        ]
        self.sender.case("STILL", works, "X20", 10, events)

    def event(self, code: str, kind: str, day: str) -> None:
        self.sender.event(code, WORKS, kind, f"{day} 10:00:00")

    def build(self, day: str, *, whole: bool = False) -> int | None:
        """Build on that day, which is today, and compare: everything, or no more than warnings stand on.

        Returns the number of warnings raised.
        """
        self.sender.land(self.warehouse)
        self.patch.setenv("YIDANG_AS_OF", day)
        as_of = date.fromisoformat(day)
        if whole:
            return build.build(self.settings, as_of=as_of, with_tests=False).warnings_raised
        build.build(self.settings, as_of=as_of, select="+int_warning_states +fct_warning", with_tests=False)
        return outbox.note(self.settings.dsn("transformer"), as_of).raised

    def raised(self, day: str) -> set[tuple[str, str]]:
        """(subject, level) raised on that day."""
        found = self.warehouse.execute("select subject_key, level from warning.warning where raised_on = %s", (day,))
        return {(key.split(":")[-1].split("/")[-1], level) for key, level in found.fetchall()}

    def rows(self, query: str, *values: object) -> list[dict]:
        return self.warehouse.cursor(row_factory=dict_row).execute(query, values or None).fetchall()


@contextmanager
def opened(settings: Settings, folder: Path) -> Iterator[World]:
    with (
        pytest.MonkeyPatch.context() as patch,
        psycopg.connect(settings.admin_dsn("yidang"), autocommit=True) as warehouse,
    ):
        open_world(settings, folder, patch)
        land(warehouse, "zhengwu", "service_item", [catalogue_row("X20", stage=3, statutory=20, promised=10)])
        yield World(settings, warehouse, patch)
