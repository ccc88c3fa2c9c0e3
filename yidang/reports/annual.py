"""年度改革报告: the annual reform report."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from yidang.reports import documents
from yidang.reports.archive import ReportFiles
from yidang.reports.documents import Kind
from yidang.reports.figures import Figures, Period
from yidang.settings import Settings

KIND = Kind("annual", lambda source: f"{source.months}工程建设项目审批制度改革报告")


def write_annual_report(
    settings: Settings,
    *,
    year: int,
    as_of: date | None = None,
    output_dir: Path | None = None,
    template: Path | None = None,
) -> ReportFiles:
    """Write the annual report on `year`, as of a day or as the marts are built (documents.write)."""

    def period(figures: Figures) -> Period:
        return Period(date(year, 1, 1), min(date(year, 12, 31), max(figures.snapshot.as_of, date(year, 1, 1))))

    return documents.write(
        settings,
        KIND,
        name=f"annual-{year}",
        period=period,
        as_of=as_of,
        output_dir=output_dir,
        template=template,
    )
