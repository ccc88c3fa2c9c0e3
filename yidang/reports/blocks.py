"""What a document consists of, as plain values: the outline makes them, the layout draws them.

Nothing here knows of Word. A number in a document is always a `Cited`, so that every figure leads to its evidence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from yidang.reports.figures import Evidence


@dataclass(frozen=True)
class Cited:
    """A printed number (or 样本不足) and the figure it was printed from."""

    text: str
    source: Evidence


Part = str | Cited
Text = tuple[Part, ...]


@dataclass(frozen=True)
class Title:
    """Title of the document or of an annex; each line is broken by sense."""

    lines: tuple[str, ...]


@dataclass(frozen=True)
class Heading:
    """level 1: 一、 (黑体) · level 2: （一） (楷体). The number is part of the text."""

    level: int
    text: str


@dataclass(frozen=True)
class Paragraph:
    """style: body | note (centred under the title) | small (remarks) | annex (附件1) | signature (flush right)."""

    text: Text
    style: str = "body"


@dataclass(frozen=True)
class Table:
    """A captioned table. widths: relative; the first column is set flush left, the others centred."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[Text, ...], ...]
    widths: tuple[float, ...]
    left_columns: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class Series:
    """One row of bars or one line. values[i] is None where nothing may be printed (no value, too few cases)."""

    name: str
    values: tuple[float | None, ...]
    labels: tuple[str, ...]
    intervals: tuple[tuple[float, float] | None, ...] = ()


@dataclass(frozen=True)
class Span:
    """One bar of a time chart. row: index into the categories, -1 for a point in time that crosses all of them."""

    row: int
    first: date
    last: date
    kind: str
    state: str


@dataclass(frozen=True)
class Chart:
    """kind: lines | steps | bars | waterfall | ranking | stacked | gantt | panels (one per series, against its limit).

    Values are in `unit`, already scaled (per cent, working days, cases). A time chart (gantt) has spans and no series.
    """

    caption: str
    kind: str
    categories: tuple[str, ...]
    series: tuple[Series, ...]
    unit: str
    alt_text: str
    sources: tuple[Evidence, ...]
    note: str = ""
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True)
class PageBreak:
    pass


Block = Title | Heading | Paragraph | Table | Chart | PageBreak


@dataclass(frozen=True)
class Document:
    """header: printed at the head of every page; empty prints none."""

    title: str
    header: str
    blocks: tuple[Block, ...]


def numbered_evidence(document: Document) -> dict[Evidence, str]:
    """Figure → id (F001 …), in the order in which a reader meets them."""
    ids: dict[Evidence, str] = {}
    for source in _sources(document):
        for figure in (*_parents(source), source):
            ids.setdefault(figure, f"F{len(ids) + 1:03d}")
    return ids


def _sources(document: Document) -> Iterator[Evidence]:
    for block in document.blocks:
        match block:
            case Paragraph(text=text):
                yield from _cited(text)
            case Table(rows=rows):
                for row in rows:
                    for cell in row:
                        yield from _cited(cell)
            case Chart(sources=sources):
                yield from sources


def _cited(text: Text) -> Iterator[Evidence]:
    return (part.source for part in text if isinstance(part, Cited))


def _parents(source: Evidence) -> tuple[Evidence, ...]:
    return (source.later, source.earlier) if hasattr(source, "later") else ()
