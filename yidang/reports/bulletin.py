"""通报: the monthly bulletin."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache, partial
from pathlib import Path

from yidang.errors import YidangError
from yidang.reports import archive, documents
from yidang.reports.archive import ReportFiles
from yidang.reports.case_lists import CaseList, case_list
from yidang.reports.corrections import corrections
from yidang.reports.documents import Kind
from yidang.reports.figures import Period
from yidang.reports.marks import Marks
from yidang.reports.source import Source
from yidang.reports.words import months
from yidang.settings import Settings

MOST_LISTED = 30


def write_bulletin(
    settings: Settings,
    *,
    month: date,
    as_of: date | None = None,
    output_dir: Path | None = None,
    template: Path | None = None,
) -> ReportFiles:
    """Write the bulletin on the month of this day, as of its last day or of another (documents.write)."""
    first, last = months(month.year, month.month, 1)
    as_of = as_of or min(last, settings.as_of())
    if as_of < first:
        raise YidangError(
            f"{month:%Y-%m} begins after {as_of}, the day it would be written for.", "Choose an earlier month."
        )
    return documents.write(
        settings,
        kind(settings.reports_dir, first),
        name=f"bulletin-{month:%Y-%m}",
        period=lambda _: Period(first, min(last, as_of)),
        as_of=as_of,
        output_dir=output_dir,
        template=template,
    )


def kind(archive_dir: Path, first: date) -> Kind:
    """archive_dir: where the bulletin of the month before `first` may lie, whose corrections this one lists."""
    previous = (first - timedelta(days=1)).replace(day=1)
    name = f"bulletin-{previous:%Y-%m}"
    return Kind("bulletin", _title, partial(_names, archive.newest(archive_dir / name, name)))


def _title(source: Source) -> str:
    return f"关于{source.period.first.year}年{source.period.first.month}月份工程建设项目审批运行情况的通报"


def _names(issued: Path | None, source: Source, marks: Marks) -> dict[str, object]:
    manifest = archive.manifest_of(issued) if issued else None

    @cache  # a template asks for a list to decide, to count and to print it
    def listed(name: str, 至多: int = MOST_LISTED) -> CaseList:  # noqa: N803 - the template's word
        return case_list(source.figures, source.period, marks, name, 至多)

    return {
        "名单": listed,
        "上期通报": f"《{manifest['title']}》" if manifest else "",
        "更正": corrections(manifest, source.figures, marks) if manifest else [],
    }
