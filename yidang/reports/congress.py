"""向人大常委会的报告: the report to the standing committee of the People's Congress, whose prose a person edits."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from yidang.reports import documents
from yidang.reports.archive import ReportFiles
from yidang.reports.documents import Kind
from yidang.reports.figures import Figures, Period
from yidang.reports.snapshot import figures_as_of
from yidang.settings import Settings

KIND = Kind("congress", lambda _: "关于工程建设项目审批制度改革工作情况的报告")


def write_congress_report(
    settings: Settings, *, as_of: date | None = None, output_dir: Path | None = None, template: Path | None = None
) -> ReportFiles:
    """Write the report on the year up to a day, or up to the day the marts are built for (documents.write)."""
    day = as_of
    if day is None:
        with figures_as_of(settings, None) as figures:
            day = figures.snapshot.as_of

    def period(figures: Figures) -> Period:
        last = figures.snapshot.as_of
        return Period(date(last.year, 1, 1), last)

    return documents.write(
        settings,
        KIND,
        name=f"congress-{day.isoformat()}",
        period=period,
        as_of=day,
        output_dir=output_dir,
        template=template,
    )
