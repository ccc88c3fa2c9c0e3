"""Is an issued report what its raw data give? It is written again from raw as it was, and compared."""

from __future__ import annotations

import json
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
        template = report.with_name(report.stem + archive.TEMPLATE)
        made = documents.make(settings, _kind(manifest, report), figures, period, template)
        now = made.manifest
        remarks = [
            f"{key}: {manifest[key]} then, {now[key]} now"
            for key in ("calendar_version", "rule_version", "code")
            if now[key] != manifest[key]
        ]
        differences += _figures(manifest["figures"], now["figures"])
        if manifest.get("remarks", now["remarks"]) != now["remarks"]:  # older reports kept none
            differences.append("the claims that are no number, or what was measured beside them, are not the same")
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
    """Matched by metric and slice: a number of the document may have moved without having changed."""
    before, after = (
        {(entry["metric"], json.dumps(entry["where"])): entry for entry in entries if "where" in entry}
        for entries in (then, now)
    )
    found = []
    for key in before | after:
        old, new = before.get(key), after.get(key)
        if old is None or new is None:
            entry, when = (new, "now") if old is None else (old, "then")
            found.append(f"{entry['id']} {entry['label']} ({entry['slice']}): only {when}")
            continue
        changed = [name for name in ("value", "n", "excluded") if old[name] != new[name]]
        if changed:
            told = "; ".join(f"{name} {old[name]} then, {new[name]} now" for name in changed)
            found.append(f"{old['id']} {old['label']} ({old['slice']}): {told}")
    return found
