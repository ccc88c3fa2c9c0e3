"""What a document prints beside its template's own words, as plain values: numbers, tables, charts.

Nothing here knows of Word. A number in a document is always a `Cited`, so that every figure leads to its evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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


Block = Table | Chart


def numbered_evidence(printed: Iterable[Cited | Block]) -> dict[Evidence, str]:
    """Figure → id (F001 …), in the order in which a reader meets them."""
    ids: dict[Evidence, str] = {}
    for source in _sources(printed):
        for figure in (*_parents(source), source):
            ids.setdefault(figure, f"F{len(ids) + 1:03d}")
    return ids


def _sources(printed: Iterable[Cited | Block]) -> Iterator[Evidence]:
    for thing in printed:
        match thing:
            case Cited(source=source):
                yield source
            case Table(rows=rows):
                yield from (part.source for row in rows for cell in row for part in cell if isinstance(part, Cited))
            case Chart(sources=sources):
                yield from sources


def _parents(source: Evidence) -> tuple[Evidence, ...]:
    return (source.later, source.earlier) if hasattr(source, "later") else ()
