"""What Superset says of an asset, in the words of its file: without what is one installation's or comes by itself.

Superset numbers things where files have UUIDs, keeps what it can derive, and its editor saves every control of a chart.
`like` is always the file's asset ({} for a new one): what is the same stays as the file has it, also its order.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

from yidang.yaml_edit import same

# Marks that the browser puts on filters and formulas, new ones each time.
_MARKS = {"filterOptionName", "optionName", "datasourceWarning", "isNew", "isExtra", "operatorId"}
# Where a chart belongs in one installation, and what follows from its dataset.
_CHART_PLACE = {"datasource", "slice_id", "dashboards", "dashboardId", "url_params", "temporal_columns_lookup"}
# Derived from the charts whenever a dashboard is opened or saved.
_DERIVED = {"positions", "shared_label_colors", "map_label_colors", "color_scheme_domain", "color_namespace"}
_DERIVED |= {"show_native_filters", "chartsInScope", "tabsInScope"}
_WHOLE_DASHBOARD = {"rootPath": ["ROOT_ID"], "excluded": []}
_COLUMN_DEFAULTS = {"is_active": True}
_DATASET_DEFAULTS = {"offset": 0}
# The database's name, which Superset writes into a dataset that was saved there.
_DATASET_PLACE = {"metrics", "catalog"}
# What tells the items of a list apart, the first that an item has.
_NAMES = ("column_name", "id", "subject", "column", "col")


def normalise(kind: str, exported: dict, like: dict, chart_uuids: dict[int, str], defaults: Path) -> dict:
    """kind: `charts`, `dashboards` or `datasets`. chart_uuids: UUID of each chart by Superset's number.

    defaults: what scripts/capture_control_defaults.py wrote.
    """
    if kind == "charts":
        return _chart(exported, like, defaults)
    if kind == "dashboards":
        return _dashboard(exported, like, chart_uuids)
    return _dataset(exported, like)


def _chart(exported: dict, like: dict, defaults: Path) -> dict:
    """query_context follows from params: the browser writes it whenever somebody opens the chart's editor."""
    params = _without(exported["params"], _CHART_PLACE | _MARKS)
    kind, known = exported["viz_type"], _control_defaults(defaults)
    given = like.get("params", {})
    untouched = known["*"] | known.get(kind, {})
    params = {
        key: value
        for key, value in params.items()
        if key in given or not (key in untouched and same(untouched[key], value))
    }
    chart = {**exported, "params": _columns_by_name(params), "query_context": None}
    if like:
        return merged(like, chart)
    last = {key: chart.pop(key) for key in ("uuid", "version", "dataset_uuid")}  # where the other files have them
    return _told(chart | last)


def _dashboard(exported: dict, like: dict, chart_uuids: dict[int, str]) -> dict:
    """Charts bear the file's own numbers: any will do, as long as they agree within it."""
    numbers = _chart_numbers(like)
    position = json.loads(json.dumps(exported["position"]))
    uuids = dict(chart_uuids)
    for node in _chart_nodes(position):
        if uuid := node["meta"].get("uuid"):
            # a chart that was deleted there keeps its place here, and with it what a filter leaves out
            uuids.setdefault(node["meta"].get("chartId"), uuid)
            node["meta"]["chartId"] = numbers.setdefault(uuid, max(numbers.values(), default=0) + 1)

    def number(theirs: object) -> int | None:
        return numbers.get(uuids.get(int(theirs), "")) if str(theirs).isdigit() else None

    dashboard = {**exported, "position": position, "metadata": _metadata(exported.get("metadata") or {}, number)}
    if like:
        return merged(like, dashboard)
    return _told(dashboard) | {"metadata": dashboard["metadata"]}


def _chart_numbers(dashboard: dict) -> dict[str, int]:
    return {node["meta"]["uuid"]: node["meta"]["chartId"] for node in _chart_nodes(dashboard.get("position", {}))}


def _chart_nodes(position: dict) -> list[dict]:
    return [node for node in position.values() if isinstance(node, dict) and node.get("type") == "CHART"]


def _metadata(metadata: dict, number: Callable[[object], int | None]) -> dict:
    """number: the file's number of a chart from Superset's, None for one that is not on the dashboard."""
    found = _without(metadata, _DERIVED)

    def numbers(theirs: list) -> list:
        return [ours for one in theirs if (ours := number(one)) is not None]

    def by_number(charts: dict) -> dict:
        return {str(ours): value for one, value in charts.items() if (ours := number(one)) is not None}

    def rescope(scope: object) -> None:
        if isinstance(scope, dict) and scope.get("excluded"):
            scope["excluded"] = numbers(scope["excluded"])

    for one in found.get("native_filter_configuration", []):
        rescope(one.get("scope"))
    if "timed_refresh_immune_slices" in found:
        found["timed_refresh_immune_slices"] = numbers(found["timed_refresh_immune_slices"])
    for key in ("expanded_slices", "filter_scopes"):
        if key in found:
            found[key] = by_number(found[key])
    if found.get("default_filters"):
        found["default_filters"] = json.dumps(by_number(json.loads(found["default_filters"])))
    everywhere = found.get("global_chart_configuration", {})
    rescope(everywhere.get("scope"))
    if everywhere.get("scope", _WHOLE_DASHBOARD) == _WHOLE_DASHBOARD:
        found.pop("global_chart_configuration", None)
    if "chart_configuration" in found:
        own = {}
        for one, settings in by_number(found["chart_configuration"]).items():
            rescope(scope := settings.get("crossFilters", {}).get("scope", "global"))
            if scope != "global":
                own[one] = {**settings, "id": int(one)}
        found["chart_configuration"] = own
    return found


def _dataset(exported: dict, like: dict) -> dict:
    """Without metrics, which come from dbt. Superset exports the columns in no order that means anything."""
    columns = [
        {key: value for key, value in column.items() if not same(_COLUMN_DEFAULTS.get(key), value) or value is None}
        for column in exported["columns"]
    ]
    order = {column["column_name"]: place for place, column in enumerate(like.get("columns", []))}
    columns.sort(key=lambda column: (order.get(column["column_name"], len(order)), column["column_name"]))
    dataset = {
        key: value
        for key, value in {**exported, "columns": columns}.items()
        if key not in _DATASET_PLACE and not (key not in like and same(_DATASET_DEFAULTS.get(key), value))
    }
    if like:
        return merged(like, dataset)
    return _told(dataset | {"columns": [_told(column) for column in columns]})


def merged(like: object, new: object) -> object:
    """`new`, but what says nothing stays as `like` says it: an empty value, a missing one, the order of keys."""
    if isinstance(like, dict) and isinstance(new, dict):
        kept = {
            key: merged(value, new[key]) if key in new else value
            for key, value in like.items()
            if key in new or _is_empty(value)
        }
        return kept | {key: value for key, value in new.items() if key not in like and not _is_empty(value)}
    if isinstance(like, list) and isinstance(new, list) and new:
        return [merged(one, value) for one, value in zip(_counterparts(like, new), new, strict=True)]
    if _is_empty(like) and _is_empty(new):
        return like
    return like if same(like, new) else new


def _counterparts(like: list, new: list) -> list:
    """For each item of `new` the one of `like` that it was; itself where it is new."""
    if len(like) == len(new) and all(_name(one) == _name(value) for one, value in zip(like, new, strict=True)):
        return like
    left = list(like)
    found = []
    for value in new:
        was = next((one for one in left if _name(one) == _name(value)), None)
        found.append(value if was is None else was)
        left = [one for one in left if one is not was]
    return found


def _name(item: object) -> str:
    if not isinstance(item, dict):
        return repr(item)
    return next((f"{key}={item[key]!r}" for key in _NAMES if key in item), "")


def _without(value: object, keys: set[str]) -> object:
    """A copy without these keys at any depth."""
    if isinstance(value, dict):
        return {key: _without(one, keys) for key, one in value.items() if key not in keys}
    return [_without(one, keys) for one in value] if isinstance(value, list) else value


def _columns_by_name(params: object) -> object:
    """A formula of its own carries the whole column as the installation knows it; its name and type are enough."""
    if isinstance(params, list):
        return [_columns_by_name(one) for one in params]
    if not isinstance(params, dict):
        return params
    if isinstance(column := params.get("column"), dict) and "column_name" in column:
        params = params | {"column": {key: column[key] for key in ("column_name", "type") if key in column}}
    return {key: _columns_by_name(one) for key, one in params.items()}


def _told(mapping: dict) -> dict:
    """What it says, for a new file."""
    return {key: value for key, value in mapping.items() if not _is_empty(value)}


def _is_empty(value: object) -> bool:
    return value is None or (isinstance(value, str | list | dict) and value in ("", [], {}, "{}", "[]"))


@cache
def _control_defaults(path: Path) -> dict[str, dict]:
    return json.loads(path.read_text(encoding="utf-8"))
