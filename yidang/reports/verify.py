"""Is an issued report what its raw data give? It is written again from raw as it was, and compared."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from yidang.errors import YidangError
from yidang.reports import annual, archive, bulletin, congress, documents, project_file
from yidang.reports.documents import Kind
from yidang.reports.figures import Period
from yidang.reports.snapshot import figures_as_of
from yidang.settings import Settings


@dataclass(frozen=True)
class Verdict:
    """differences: in what the document shows or rests on. remarks: what changed since and made no difference."""

    differences: list[str]
    remarks: list[str]


def verify(settings: Settings, report: Path) -> Verdict:
    """Compare an archived report with what its raw data give. Raises YidangError if it cannot be written again."""
    manifest = archive.manifest_of(report)
    differences = [] if manifest["is_untouched"] else ["the file was changed after it was written"]
    as_of = date.fromisoformat(manifest["as_of"])
    period = Period(*map(date.fromisoformat, manifest["period"]))
    with figures_as_of(settings, as_of, manifest["release"]) as figures:
        made = documents.make(settings, _kind(manifest, report), figures, period, None)
        now = made.manifest
        remarks = [
            f"{key}: {manifest[key]} then, {now[key]} now"
            for key in ("calendar_version", "rule_version", "template_sha256", "code")
            if now[key] != manifest[key]
        ]
        differences += _figures(manifest["figures"], now["figures"])
        if not differences and made.digest != manifest["identifier"].rpartition(":")[2]:
            differences.append("the figures are the same, what is printed is not")
    return Verdict(differences, remarks)


def _kind(manifest: dict[str, object], report: Path) -> Kind:
    match manifest["kind"]:
        case "annual":
            return annual.KIND
        case "congress":
            return congress.KIND
        case "bulletin":
            return bulletin.kind(report.parent.parent, Period(*map(date.fromisoformat, manifest["period"])).first)
        case "project":
            return project_file.kind(manifest["identifier"].split(":")[1].removeprefix("project-"))
    raise YidangError(
        f"{report.name} is of a kind that is not known: {manifest['kind']}.", "Use the version that wrote it."
    )


def _figures(then: list[dict], now: list[dict]) -> list[str]:
    before, after = ({entry["id"]: entry for entry in entries} for entries in (then, now))
    found = []
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if old is None or new is None:
            found.append(f"{name}: {'only now' if old is None else 'only then'}")
            continue
        changed = [key for key in old if old[key] != new.get(key)]
        told = "; ".join(f"{key} {old[key]} then, {new.get(key)} now" for key in changed if key not in ("sql", "where"))
        found.append(f"{name} {old.get('label', '')}: {told or ', '.join(changed)}")
    return found
