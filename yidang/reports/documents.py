"""A document, from its template and the marts to the archive."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import cache, partial
from pathlib import Path

from yidang.errors import YidangError
from yidang.metrics import MINIMUM_N
from yidang.reports import (
    annexes,
    archive,
    assessment,
    catalogue,
    evidence,
    facts,
    layout,
    notes,
    reform,
    remarks,
    speed,
    standing,
    template_text,
    time_limits,
)
from yidang.reports.archive import Made, ReportFiles
from yidang.reports.blocks import Block
from yidang.reports.figures import Figures, Period, rows
from yidang.reports.marks import Marks
from yidang.reports.page import set_properties
from yidang.reports.prose import chinese_date
from yidang.reports.snapshot import figures_as_of
from yidang.reports.source import Source
from yidang.reports.speech import Lazily, Speaker, Spoken
from yidang.reports.template import FillError, fill
from yidang.reports.words import ALL, Words
from yidang.settings import Settings

# A department from which nothing came for so long has not stopped working: its data have.
SILENT_DAYS = 60
PIECES = {
    name: draw
    for module in (annexes, time_limits, speed, catalogue, standing, reform, remarks, assessment)
    for name, draw in module.PIECES.items()
}


@dataclass(frozen=True)
class Kind:
    """One sort of document.

    name:  of its template and of its files. title: given the source, for properties and page heads.
    names, pieces: what its template may use beside what all of them may. needs_cases: says nothing of a period without.
    has_remarks: it is of the district, so its evidence lists the claims that are no number.
    """

    name: str
    title: Callable[[Source], str]
    names: Callable[[Source, Marks], dict[str, object]] = lambda *_: {}
    pieces: dict[str, Callable[[Source], Block]] = field(default_factory=dict)
    needs_cases: bool = True
    has_remarks: bool = True


def template_file(settings: Settings, kind: str) -> Path:
    """Where an office keeps its own template of this kind; it may not be there."""
    return settings.home / "templates" / f"{kind}.docx"


def write_template(kind: str, path: Path) -> None:
    """The standard template as a Word file. Raises YidangError if it cannot be written or is there already."""
    content = _standard(kind)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        raise YidangError(
            f"{path} is there already and may hold your changes.", "Name another file, or move it away."
        ) from None
    except OSError as error:
        raise YidangError(f"{path} cannot be written: {error.strerror}.", "Name another file.") from None


def write(
    settings: Settings,
    kind: Kind,
    *,
    name: str,
    period: Callable[[Figures], Period],
    as_of: date | None,
    output_dir: Path | None = None,
    template: Path | None = None,
) -> ReportFiles:
    """Write a document of this kind and keep it as `name`.

    period:   the days reported on, given the figures. as_of: the day the figures are true for; None: the marts' own.
    template: the Word file to fill; None takes the office's own, else the standard one.
    The same figures and words keep the file that is there; anything else becomes a new numbered version. Raises
    YidangError if the marts are missing or hold nothing of the period, if the template asks for what there is not, if
    no Chinese font is found, or if the folder cannot be written.
    """
    with figures_as_of(settings, as_of) as figures:
        made = make(settings, kind, figures, period(figures), template)
        return archive.keep(settings, made, output_dir or settings.reports_dir / name, name)


def make(settings: Settings, kind: Kind, figures: Figures, period: Period, template: Path | None) -> Made:
    """The document and its evidence, not kept yet. The figures must stay open until it is."""
    if kind.needs_cases:
        _require_cases(figures, period)
    source = _source(figures, period)
    title = kind.title(source)
    content, called = _template(settings, kind, template)
    marks = Marks()
    word = fill(content, called, _names(settings, kind, source, title, marks))
    try:
        ids, printed = layout.settle(word, marks)
    except FillError as error:
        raise YidangError(f"{called}：{error}", error.cure) from None
    entries = evidence.lines(ids, printed, figures)
    remarked = remarks.lines(figures) if kind.has_remarks else []

    def docx(identifier: str) -> bytes:
        set_properties(word, title, identifier)
        return layout.to_bytes(word)

    def write_evidence(folder: Path, stem: str) -> None:
        cases = evidence.write_cases(ids, figures, folder / f"{stem}{archive.CASES}")
        (folder / f"{stem}{archive.WORKBOOK}").write_bytes(evidence.workbook(entries, cases, remarked, source, title))

    manifest = {
        "kind": kind.name,
        "title": title,
        "period": [period.first, period.last],
        "as_of": figures.snapshot.as_of,
        "release": figures.snapshot.release,
        "calendar_version": figures.snapshot.calendar_version,
        "rule_version": figures.snapshot.rule_version,
        "template_sha256": hashlib.sha256(content).hexdigest(),
        "code": _code_version(),
        "figures": entries,
        "remarks": remarked,
    }
    return Made(title, docx, content, manifest, write_evidence)


def _template(settings: Settings, kind: Kind, path: Path | None) -> tuple[bytes, str]:
    """The Word file to fill, and what to call it."""
    path = path or template_file(settings, kind.name)
    if path.exists():
        return path.read_bytes(), path.name
    if path != template_file(settings, kind.name):
        raise YidangError(f"{path} is not there.", f"Write one to begin with: yidang report template {kind.name}")
    return _standard(kind.name), f"标准模板 {kind.name}"


@cache
def _standard(kind: str) -> bytes:
    word = template_text.to_word((template_text.FOLDER / f"{kind}.txt").read_text(encoding="utf-8"))
    set_properties(word, "", "")
    return layout.to_bytes(word)


def _require_cases(figures: Figures, period: Period) -> None:
    asked = ("cases_received", "cases_accepted", "cases_decided")
    if not any(figures.one(metric, rows(period)).value for metric in asked):
        first, last = facts.received_between(figures)
        raise YidangError(
            f"The marts hold no cases of {period.first} to {period.last}.",
            f"They hold cases of {first} to {last}: choose a period among these, or pull more.",
        )


def _source(figures: Figures, period: Period) -> Source:
    return Source(
        figures=figures,
        departments=facts.departments(figures),
        reforms=facts.reforms(figures, period),
        period=period,
        records_from=facts.records_from(figures),
        calendar=facts.calendar(figures),
        silent=facts.silent(figures, SILENT_DAYS),
    )


@dataclass(frozen=True)
class Span:
    """The days reported on, in words."""

    年: int
    月: int
    名称: str
    月份: str
    起: date
    止: date


def _names(settings: Settings, kind: Kind, source: Source, title: str, marks: Marks) -> dict[str, object]:
    period, snapshot = source.period, source.figures.snapshot
    return {
        **Speaker(source, Words(source.figures, period), marks, {**PIECES, **kind.pieces}).names(),
        "标题": title,
        "页眉": notes.page_header(source, title),
        "期": Span(period.last.year, period.last.month, source.span, source.months, period.first, period.last),
        "本期": period,
        "上年同期": source.before,
        "上期": period.just_before() if period.is_whole_months else None,
        "累计": Period(date(period.last.year, 1, 1), period.last),
        "改革以来": reform.period_since(source.figures),
        "全部": ALL,
        "截至": chinese_date(source.as_of),
        "部门名单": "、".join(department.name for department in source.departments),
        "虚构提示": notes.made_up(source),
        "日历提示": Spoken(marks, notes.calendar_gap(source)),
        "未完提示": notes.unfinished(source),
        "中断提示": notes.silence(source),
        "首年提示": notes.first_year(source),
        "首年说明": notes.first_year_remark(source),
        "归集提示": notes.coverage(source),
        "逾期存疑": Spoken(marks, standing.doubts_of_overdue(source)),
        "存在问题": Lazily(lambda: [Spoken(marks, text) for text in standing.problems(source)]),
        "无业务部门": Lazily(lambda: "、".join(standing.without_business(source))),
        "镇街": Lazily(lambda: standing.streets(source)),
        "改革事项": source.reforms,
        "事项名录": Lazily(lambda: facts.item_names(source.figures)),
        "改革起始": reform.since_words(source.figures),
        "拿地即开工口径": Lazily(lambda: reform.rule(settings)),
        "满分提示": Lazily(lambda: notes.flat_series(source)),
        "考核周期": Lazily(lambda: assessment.periods(source)),
        "备注": Lazily(lambda: remarks.claims(source.figures)),
        "重点新开工": partial(reform.key_starts, source),
        "日历版本": snapshot.calendar_version,
        "规则版本": snapshot.rule_version,
        "最小样本": MINIMUM_N,
        **kind.names(source, marks),
    }


def _code_version() -> str:
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*")):
        if path.suffix in (".py", ".txt"):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]
