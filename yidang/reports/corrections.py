"""What later data changed of an issued report: the next one says so; the issued one stays as it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from yidang.reports.figures import Figure, Figures, Slice
from yidang.reports.marks import Marks
from yidang.reports.prose import cite, unit_of
from yidang.reports.speech import Spoken
from yidang.reports.words import names_of


@dataclass(frozen=True)
class Correction:
    指标: str
    范围: str
    原值: str
    现值: Spoken


def corrections(manifest: dict[str, object], figures: Figures, marks: Marks) -> list[Correction]:
    """Figures of an issued report's periods that come out otherwise now, as printed."""
    found = []
    for entry in manifest["figures"]:
        if "where" not in entry or entry["metric"] not in figures.metrics or not entry["where"].get("period"):
            continue  # differences follow from their figures; what was open then has no value now
        where = Slice.from_plain(entry["where"])
        if not (where.by_day or where.period.is_whole_months):
            continue  # it was issued while its month ran; now the whole month would be counted
        now = figures.one(entry["metric"], where)
        before = _as_issued(now, entry)
        if cite(before).text != cite(now).text:
            found.append(
                Correction(
                    now.metric.label, where.in_words(names_of(figures)), cite(before).text + unit_of(before),
                    Spoken(marks, (cite(now), unit_of(now))),
                )
            )  # fmt: skip
    return found


def _as_issued(now: Figure, entry: dict[str, object]) -> Figure:
    value = None if entry["value"] is None else Decimal(entry["value"])
    return replace(now, value=value, n=entry["n"])
