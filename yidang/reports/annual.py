"""年度改革报告: the annual reform report, from the marts to .docx, .pdf and its list of evidence."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import psycopg

from yidang import metrics, query
from yidang.errors import YidangError, first_line
from yidang.reports import archive, facts
from yidang.reports.archive import ReportFiles
from yidang.reports.blocks import Document
from yidang.reports.figures import Figures, Period, rows
from yidang.reports.outline import annual_report
from yidang.reports.source import Source
from yidang.settings import Settings

__all__ = ["ReportFiles", "write_annual_report"]


def write_annual_report(
    settings: Settings, *, year: int, as_of: date | None = None, output_dir: Path | None = None
) -> ReportFiles:
    """Write the annual report on `year` from the marts as they are built.

    as_of:      what the marts must be built for; None takes what they are built for.
    output_dir: default `<home>/reports/annual-<year>`.

    The same data and code keep the file that is there; anything else becomes a new numbered version. Raises
    YidangError if the warehouse or the marts are missing, are built for another day, hold nothing of the year, if no
    Chinese font is found, or if the folder cannot be written.
    """
    document = _document(settings, year, as_of)
    name = f"annual-{year}"
    return archive.keep(settings, document, output_dir or settings.reports_dir / name, name)


def _document(settings: Settings, year: int, as_of: date | None) -> Document:
    try:
        with query.reader(settings) as connection:
            # One snapshot for all figures, even if a build runs meanwhile.
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            figures = Figures(connection, metrics.load(settings))
            _require_as_of(figures, as_of)
            period = _period(figures, year)
            first_received, last_received = facts.received_between(connection)
            _require_cases(figures, period, first_received, last_received)
            source = Source(
                figures=figures,
                departments=facts.departments(connection),
                reforms=facts.reforms(connection, period),
                period=period,
                first_received=first_received,
                calendar=facts.calendar(connection),
            )
            return annual_report(source)
    except (
        psycopg.errors.UndefinedTable,
        psycopg.errors.UndefinedColumn,
        psycopg.errors.InsufficientPrivilege,
    ) as error:
        raise YidangError(f"The marts are not built: {first_line(error)}", "Run `yidang build`.") from None


def _require_as_of(figures: Figures, as_of: date | None) -> None:
    built = figures.snapshot.as_of
    if as_of and as_of != built:
        raise YidangError(
            f"The report is asked as of {as_of}, but the marts are built as of {built}.",
            f"Run `yidang build --as-of {as_of}` first, or ask without a date.",
        )


def _period(figures: Figures, year: int) -> Period:
    return Period(date(year, 1, 1), min(date(year, 12, 31), max(figures.snapshot.as_of, date(year, 1, 1))))


def _require_cases(figures: Figures, period: Period, first_received: date, last_received: date) -> None:
    asked = ("cases_received", "cases_accepted", "cases_decided")
    if not any(figures.one(metric, rows(period)).value for metric in asked):
        raise YidangError(
            f"The marts hold no cases of {period.first.year}.",
            f"They hold cases of {first_received} to {last_received}: choose a year among these, or pull more.",
        )
