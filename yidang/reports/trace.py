"""From a number in an archived report to the cases behind it, as they were when it was issued."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from yidang.errors import YidangError
from yidang.reports import archive, evidence
from yidang.reports.snapshot import figures_as_of
from yidang.settings import Settings

_SHOWN = (
    "printed",
    "label",
    "metric",
    "slice",
    "value",
    "unit",
    "n",
    "numerator",
    "denominator",
    "excluded",
    "formula",
    "sql",
)


def lines(settings: Settings, report: Path, figure: str) -> Iterator[str]:
    """What is known of one figure, and its cases as `case<tab>part`. Raises YidangError for an id that is not there.

    More cases than the archive lists come from marts of the day the report was issued for, built beside the real ones
    if these have moved on.
    """
    manifest = archive.manifest_of(report)
    entries = {entry["id"]: entry for entry in manifest["figures"]}
    name = figure.upper().partition("_")[0]
    if name not in entries:
        raise YidangError(
            f"{report.name} has no figure {figure}.",
            f"It has F001 to {list(entries)[-1]}; each is the first part of a bookmark's name in the document."
            if entries
            else "It prints no figures.",
        )
    entry = entries[name]
    yield f"{name}  {report.name}"
    for key in _SHOWN:
        if entry.get(key) not in (None, "", {}):
            yield f"{key:12} {entry[key]}"
    for key in ("as_of", "release", "calendar_version", "rule_version"):
        yield f"{key:12} {manifest[key]}"
    yield "cases        one per line, with what it gives to the value (of a rate, whether it is in the numerator)"
    if (entry.get("n") or 0) > evidence.MOST_LISTED and "where" in entry:
        with figures_as_of(settings, date.fromisoformat(manifest["as_of"]), manifest["release"]) as figures:
            yield from (_line(row) for row in csv.reader(evidence.cases_of(entry, figures)))
    else:
        yield from _listed(report, name)


def _line(row: list[str]) -> str:
    _, case, part = row
    return f"{case}\t{part}"


def _listed(report: Path, name: str) -> Iterator[str]:
    path = report.with_name(report.stem + archive.CASES)
    if not path.exists():
        raise YidangError(f"{path.name} is not beside the report.", "Name the .docx where `yidang report` wrote it.")
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        yield from (_line(row) for row in csv.reader(file) if row[0] == name)
