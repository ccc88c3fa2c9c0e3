"""Does every link of the dashboards hold? Dashboard → chart → dataset → dbt model → column and metric, by the files;
and does access.yaml say of every dataset who sees which of its rows?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from yidang import dictionary, metrics, superset_access, superset_assets, yaml_text
from yidang.settings import Settings

# A dataset's own query may read several marts, and call functions that lie beside them.
_MART = re.compile(r"\bmarts\.(\w+)\b(?!\()")


@dataclass(frozen=True)
class Broken:
    """A link that leads nowhere: the file, what is wrong with it, how to mend it."""

    place: str
    what: str
    cure: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}. {self.cure}"


@dataclass(frozen=True)
class Assets:
    """The files of superset/assets by path, and by UUID within their kind."""

    files: dict[str, dict]

    def kind(self, name: str) -> dict[str, dict]:
        """Path → asset of `charts`, `dashboards`, `datasets` or `databases`."""
        return {path: asset for path, asset in self.files.items() if path.startswith(f"{name}/")}

    def by_uuid(self, name: str) -> dict[str, dict]:
        return {asset["uuid"]: asset for asset in self.kind(name).values()}


def load(settings: Settings) -> Assets:
    folder = superset_assets.source_dir(settings)
    paths = sorted(folder.rglob("*.yaml"))
    files = {path.relative_to(folder).as_posix(): yaml_text.load(path.read_text(encoding="utf-8")) for path in paths}
    del files["metadata.yaml"]
    return Assets(files)


def check(settings: Settings, assets: Assets) -> list[Broken]:
    """Every broken link, and every formula that is not a dbt metric."""
    known = metrics.load(settings)
    marts = {model.name: {column.name for column in model.columns} for model in dictionary.marts(settings)}
    found = [*_uuids(assets), *_access(superset_access.load(settings), assets, marts)]
    for path, dataset in assets.kind("datasets").items():
        found += _dataset(path, dataset, marts)
    for path, chart in assets.kind("charts").items():
        found += _chart(path, chart, assets, known)
    for path, dashboard in assets.kind("dashboards").items():
        found += _dashboard(path, dashboard, assets)
    shown = {uuid for dashboard in assets.kind("dashboards").values() for uuid in charts_of(dashboard)}
    for path, chart in assets.kind("charts").items():
        if chart["uuid"] not in shown:
            found.append(Broken(path, "no dashboard shows this chart", "Place it on one, or delete the file."))
    return found


def touched(assets: Assets, models: Iterable[str]) -> dict[str, list[str]]:
    """Title of each dashboard that shows or filters by one of these marts → the titles of its charts that do."""
    marts = set(models)
    datasets = {uuid for uuid, dataset in assets.by_uuid("datasets").items() if marts & marts_of(dataset)}
    charts = {uuid: chart for uuid, chart in assets.by_uuid("charts").items() if chart["dataset_uuid"] in datasets}
    found = {}
    for dashboard in assets.kind("dashboards").values():
        titles = [charts[uuid]["slice_name"] for uuid in charts_of(dashboard) if uuid in charts]
        if titles or any(target["datasetUuid"] in datasets for _, target in _targets(dashboard)):
            found[dashboard["dashboard_title"]] = titles
    return found


def marts_of(dataset: dict) -> set[str]:
    """The dbt models that a dataset reads."""
    return set(_MART.findall(dataset["sql"])) if dataset.get("sql") else {dataset["table_name"]}


def charts_of(dashboard: dict) -> list[str]:
    """UUIDs of the charts it shows, in the order of the file."""
    nodes = [node for node in dashboard["position"].values() if isinstance(node, dict)]
    return [node["meta"]["uuid"] for node in nodes if node["type"] == "CHART"]


def chart_metrics(params: dict) -> list[object]:
    """What a chart calls its metrics: names, and every formula of its own, wherever its kind of chart keeps it."""
    named = [*(params.get("metrics") or []), *(params.get("percent_metrics") or [])]
    named += [params.get("metric"), params.get("timeseries_limit_metric")]
    return [name for name in named if name and isinstance(name, str)] + [*_formulas(params)]


def _formulas(value: object) -> Iterator[dict]:
    """What people write as SQL, or put together in an editor, as a metric or a column. Filters are no formulas."""
    if isinstance(value, dict) and {"sqlExpression", "aggregate"} & value.keys() and "clause" not in value:
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _formulas(one)


def chart_columns(params: dict) -> set[str]:
    """The columns that a chart groups, lists, sorts or filters by."""
    groupby = params.get("groupby") or []
    named = [params.get("x_axis"), *([groupby] if isinstance(groupby, str) else groupby)]
    named += params.get("all_columns", [])
    named += [json.loads(order)[0] for order in params.get("order_by_cols", [])]
    named += [one["subject"] for one in params.get("adhoc_filters", []) if one["expressionType"] == "SIMPLE"]
    return {name for name in named if name and isinstance(name, str)}


def base_metric(name: str) -> str:
    """The dbt metric of a name that Superset knows: its own, or one that goes with it (superset_assets.py)."""
    return re.sub("__(n|order|interval)$", "", name)


def _uuids(assets: Assets) -> Iterator[Broken]:
    first: dict[str, str] = {}
    for path, asset in assets.files.items():
        if (other := first.setdefault(asset["uuid"], path)) != path:
            yield Broken(path, f"it has the UUID of {other}", "Give the copy a UUID of its own.")


def _dataset(path: str, dataset: dict, marts: dict[str, set[str]]) -> Iterator[Broken]:
    """marts: the columns of each mart by its name."""
    for model in sorted(marts_of(dataset) - marts.keys()):
        yield Broken(path, f"dbt has no mart {model}", f"Write models/marts/_{model}.yml, or correct the dataset.")
    if "metrics" in dataset:
        yield Broken(path, "it lists metrics", "Leave them out: they come from dbt's _metrics.")
    held = {column["column_name"] for column in dataset["columns"]}
    for kind, names in (dataset.get("extra") or {}).items():
        for name in names:
            if name not in held:
                yield Broken(
                    path, f"extra.{kind} names {name}, which it does not hold", "Add the column, or correct the name."
                )
    if dataset.get("sql"):
        return  # what its query calls a column is its own affair
    columns = marts.get(dataset["table_name"], set())
    for column in dataset["columns"]:
        if "expression" not in column and column["column_name"] not in columns:
            yield Broken(
                path,
                f"the mart has no column {column['column_name']}",
                "Correct the name, or take it out of the dataset and of its charts.",
            )


def _access(access: superset_access.Access, assets: Assets, marts: dict[str, set[str]]) -> Iterator[Broken]:
    """What access.yaml says of each dataset: that it says something, and that the rows can be told apart by it."""
    place = "access.yaml"
    datasets = {dataset["table_name"]: dataset for dataset in assets.kind("datasets").values()}
    for name in sorted(datasets.keys() - access.datasets.keys()):
        yield Broken(place, f"it does not say who sees {name}", "Add a line below `datasets:`; its head says which.")
    for name in sorted(access.datasets.keys() - datasets.keys() - marts.keys()):
        yield Broken(place, f"there is neither a dataset nor a mart {name}", "Correct the name, or take the line out.")
    limited = {name for name, declared in access.datasets.items() if declared.is_limited}
    for name, declared in access.datasets.items():
        dataset = datasets.get(name, {})
        shown = {column["column_name"] for column in dataset.get("columns", []) if "expression" not in column}
        held = shown if dataset.get("sql") else marts.get(name, set())
        named = {(one or "any").removesuffix(superset_access.OR_NONE) for one in (declared.department, declared.region)}
        for column in sorted(named - {"any"} - held):
            yield Broken(place, f"{name} has no column {column}", "Name the column that tells its rows apart.")
        if declared.department in (None, "any") and "case_id" in shown:
            yield Broken(
                place,
                f"{name} has a row per 办件 or part of one, and no department's column is named",
                "Write {department: COLUMN}: department_id, or case_id for the department of the case.",
            )
        if declared.public and dataset.get("sql") and marts_of(dataset) & limited:
            yield Broken(
                place,
                f"{name} is public, and its query reads limited marts",
                "Superset keeps those rows from it too: give it a mart of its own with what everybody may read.",
            )
        if declared.public and (more := held - shown):
            yield Broken(
                place,
                f"{name} is public, and its mart has columns that the dataset does not list: {', '.join(sorted(more))}",
                "Give it a mart or a query of its own with what everybody may read.",
            )
    public = {datasets[name]["uuid"] for name, one in access.datasets.items() if one.public and name in datasets}
    charts = assets.by_uuid("charts")
    for path, dashboard in assets.kind("dashboards").items():
        read = {charts[uuid]["dataset_uuid"] for uuid in charts_of(dashboard) if uuid in charts}
        if read & public and read - public:
            yield Broken(
                path,
                "it shows a public dataset beside others",
                "Anybody could open it: give them a page of their own.",
            )


def _chart(path: str, chart: dict, assets: Assets, known: dict[str, metrics.Metric]) -> Iterator[Broken]:
    dataset = assets.by_uuid("datasets").get(chart["dataset_uuid"])
    if dataset is None:
        yield Broken(path, f"there is no dataset {chart['dataset_uuid']}", "Correct dataset_uuid.")
        return
    params = chart["params"]
    figures = {metric["metric_name"] for metric in superset_assets.own_figures(dataset, {})}
    defined = metrics.of_mart(known, dataset["table_name"])
    for name in chart_metrics(params):
        if not isinstance(name, str):
            label = name.get("label", "") if isinstance(name, dict) else name
            yield Broken(
                path, f"the formula {label!r} is no dbt metric", "Define it in models/marts/_metrics and name it here."
            )
        elif base_metric(name) not in defined and name not in figures:
            yield Broken(
                path,
                f"dbt has no metric {base_metric(name)} of {dataset['table_name']}",
                "Define it in models/marts/_metrics, or correct the name.",
            )
    for one in params.get("adhoc_filters", []):
        if one["expressionType"] != "SIMPLE":
            yield Broken(
                path, "a filter is written in SQL", "Filter by a column, so that the rule stands in dbt and is tested."
            )
    held = {column["column_name"] for column in dataset["columns"]}
    for name in sorted(chart_columns(params) - held):
        yield Broken(path, f"its dataset {dataset['table_name']} has no column {name}", "Correct one of the two.")


def _dashboard(path: str, dashboard: dict, assets: Assets) -> Iterator[Broken]:
    charts, datasets = assets.by_uuid("charts"), assets.by_uuid("datasets")
    for uuid in charts_of(dashboard):
        if uuid not in charts:
            yield Broken(path, f"there is no chart {uuid}", "Correct `position`, or bring the chart's file back.")
    for name, target in _targets(dashboard):
        dataset = datasets.get(target["datasetUuid"])
        if dataset is None:
            yield Broken(path, f"the filter {name} points to no dataset", "Correct its datasetUuid.")
        elif target["column"]["name"] not in {column["column_name"] for column in dataset["columns"]}:
            yield Broken(
                path,
                f"the filter {name}: {dataset['table_name']} has no column {target['column']['name']}",
                "Correct one of the two.",
            )


def _targets(dashboard: dict) -> Iterator[tuple[str, dict]]:
    """Each native filter's name with a column that it filters."""
    for one in dashboard["metadata"].get("native_filter_configuration", []):
        for target in one["targets"]:
            if target:
                yield one["name"], target
