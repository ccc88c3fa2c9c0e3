"""What was changed in Superset's browser pages, brought back into superset/assets as a small change of the files.

A file changes only where Superset differs from what was last imported. Where the file has changed since too, in
another way, neither is overwritten: the conflict is named.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from yidang import superset_assets, superset_check, yaml_edit, yaml_text
from yidang.errors import ConfigError
from yidang.services import superset
from yidang.settings import Settings
from yidang.superset_normalise import normalise

KINDS = ("dashboards", "charts", "datasets")


@dataclass(frozen=True)
class Change:
    """A file before and after; None where there is none."""

    path: str
    before: str | None
    after: str | None

    def diff(self) -> list[str]:
        """Lines of a unified diff, as git writes them."""
        lines = [(text or "").splitlines(keepends=True) for text in (self.before, self.after)]
        names = [
            "/dev/null" if text is None else f"{side}/superset/assets/{self.path}"
            for side, text in (("a", self.before), ("b", self.after))
        ]
        return list(difflib.unified_diff(*lines, *names))

    def counts(self) -> tuple[int, int]:
        """Lines added and removed."""
        body = self.diff()[2:]
        return sum(line.startswith("+") for line in body), sum(line.startswith("-") for line in body)


@dataclass
class Export:
    """changes: of files. notes: what a person must decide, in whole sentences. assets: the files as they become."""

    assets: superset_check.Assets
    changes: list[Change] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def export(
    settings: Settings, dashboards: Sequence[str] = (), *, dry_run: bool = False, delete: bool = False
) -> Export:
    """Write what changed in Superset into the files. dashboards: people's own ones to adopt, by slug or number.

    delete: also delete the files of what was deleted in Superset. dry_run: write nothing. Superset need not be up, only
    its database. Raises ConfigError where nobody knows what was last imported, and for a dashboard that there is not.
    """
    if not superset.knows_what_was_imported(settings):
        raise ConfigError(
            "What was last imported into this Superset is not recorded, so its changes cannot be told from the files'.",
            "Save copies in Superset of what was changed there, then: yidang superset apply",
        )
    found = superset.exported(settings, dashboards)
    for name in dashboards:
        known = [(one["asset"]["slug"], str(one["id"])) for one in found if one["kind"] == "dashboards"]
        if not any(name in names for names in known):
            raise ConfigError(f"Superset has no dashboard {name}.", "Take the last part of its address.")
    result = _compare(settings, found, delete=delete)
    if not dry_run:
        _write(settings, result)
    return result


def _compare(settings: Settings, found: list[dict], *, delete: bool) -> Export:
    folder = superset_assets.source_dir(settings)
    result = Export(superset_check.load(settings))
    imported = _imported(settings)
    chart_uuids = {one["id"]: one["asset"]["uuid"] for one in found if one["kind"] == "charts"}
    defaults = settings.root / "superset" / "control_defaults.json"
    for kind in KINDS:
        paths = {asset["uuid"]: path for path, asset in result.assets.kind(kind).items()}
        for exported in [one["asset"] for one in found if one["kind"] == kind]:
            path, base = paths.get(exported["uuid"]), imported.get(exported["uuid"])
            in_git = partial(normalise, kind, exported, chart_uuids=chart_uuids, defaults=defaults)
            if path is None and base is None:
                _add(result, kind, in_git({}))
            elif path is not None and (base is None or not yaml_edit.same(in_git(base), base)):
                _change(result, folder, path, base, in_git(result.assets.files[path]))
            # else Superset has what was imported; what became of the file since is not its affair
    result.notes += _own_metrics(settings, found)
    there = {one["asset"]["uuid"] for one in found}
    for path, asset in list(result.assets.files.items()):
        if asset["uuid"] in imported.keys() - there and not path.startswith("databases/"):
            _delete(result, folder, path, delete=delete)
    return result


def _add(result: Export, kind: str, asset: dict) -> None:
    if kind == "datasets" and asset["database_uuid"] not in result.assets.by_uuid("databases"):
        what = f"The dataset {asset['table_name']} lies in a database of its own and is left out."
        result.notes.append(f"{what} Move what it holds into a dbt model.")
        return
    path = _new_path(kind, asset, result.assets.files.keys())
    result.assets.files[path] = asset
    result.changes.append(Change(path, None, yaml_edit.written(asset)))


def _change(result: Export, folder: Path, path: str, base: dict | None, asset: dict) -> None:
    """base: what was last imported, in git's words; asset: what Superset has now."""
    here = result.assets.files[path]
    if yaml_edit.same(asset, here):
        return
    if base is None or not yaml_edit.same(base, here):
        what = f"{path} was changed both here and in Superset since the last import, and is left alone."
        result.notes.append(f"{what} Put the change here aside (git stash), then export again.")
        return
    before = (folder / path).read_text(encoding="utf-8")
    result.assets.files[path] = asset
    result.changes.append(Change(path, before, yaml_edit.edited(before, asset)))


def _delete(result: Export, folder: Path, path: str, *, delete: bool) -> None:
    if not delete:
        result.notes.append(f"{path} was deleted in Superset. Export with --delete, or `apply` brings it back.")
        return
    del result.assets.files[path]
    result.changes.append(Change(path, (folder / path).read_text(encoding="utf-8"), None))


def _write(settings: Settings, result: Export) -> None:
    """The files, and in the record of what was imported too: from now on both sides agree on them."""
    folder, record = superset_assets.source_dir(settings), superset.imported_dir(settings)
    for change in result.changes:
        if change.after is None:
            (folder / change.path).unlink()
            (record / change.path).unlink(missing_ok=True)
        else:
            (folder / change.path).write_text(change.after, encoding="utf-8")
    rendered = superset_assets.render(settings)
    for change in result.changes:
        if change.after is not None:
            (record / change.path).write_text(rendered[change.path], encoding="utf-8")


def _imported(settings: Settings) -> dict[str, dict]:
    """What was last imported by UUID, as its file in git said it."""
    files = [yaml_text.load(path.read_text(encoding="utf-8")) for path in _yaml_files(superset.imported_dir(settings))]
    return {asset["uuid"]: superset_assets.as_in_git(asset) for asset in files if "uuid" in asset}


def _yaml_files(folder: Path) -> Iterator[Path]:
    return folder.rglob("*.yaml")


def _own_metrics(settings: Settings, found: list[dict]) -> Iterator[str]:
    """Metrics that somebody added to a dataset of ours in Superset; the next import deletes them."""
    rendered = {}
    for path in _yaml_files(superset.imported_dir(settings) / "datasets"):
        asset = yaml_text.load(path.read_text(encoding="utf-8"))
        rendered[asset["uuid"]] = {metric["metric_name"] for metric in asset.get("metrics", [])}
    for one in found:
        if one["kind"] == "datasets" and one["asset"]["uuid"] in rendered:
            names = {metric["metric_name"] for metric in one["asset"]["metrics"]}
            for name in sorted(names - rendered[one["asset"]["uuid"]]):
                what = f"The metric {name} of {one['asset']['table_name']} was made in Superset and is left out."
                yield f"{what} Define it in models/marts/_metrics: the next import deletes it there."


def _new_path(kind: str, asset: dict, taken: Sequence[str]) -> str:
    """A file name of plain letters from what it is called, from its UUID where that gives none or is taken."""
    called = asset.get("slug") or asset.get("dashboard_title") or asset.get("slice_name") or asset.get("table_name")
    name = re.sub("[^a-z0-9]+", "_", called.lower()).strip("_")
    path = f"{kind}/{name}.yaml"
    return path if len(name) > 2 and path not in taken else f"{kind}/{kind[:-1]}_{asset['uuid'][:8]}.yaml"
