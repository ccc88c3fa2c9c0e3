"""Metric definitions (dbt_project/models/marts/_metrics.yml) compiled to PostgreSQL aggregate expressions.

dbt's semantic layer needs a paid service to answer queries; its definitions do not. Dashboards and documents take the
expression by the metric's name, so no figure has a formula of its own anywhere else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from yidang.errors import ConfigError
from yidang.settings import Settings

# A rate or a duration of fewer cases than this says nothing: 样本不足 (rules C3).
MINIMUM_N = 10
# What is counted by items of the catalogue is complete however short the list: no sample, so none too small.
CENSUS_GRAIN = "事项"

_AGGREGATES = {
    "sum": "sum({expr})",
    "average": "avg({expr})",
    "count": "count({expr})",
    "count_distinct": "count(distinct {expr})",
    "min": "min({expr})",
    "max": "max({expr})",
    "sum_boolean": "count(*) filter (where {expr})",
    "median": "percentile_cont(0.5) within group (order by {expr})",
}


@dataclass(frozen=True)
class Metric:
    """One figure. `sql` is an aggregate expression over the mart `model`; it is null where nothing can be said.

    numerator_sql, denominator_sql: the two parts of a rate, else None.
    n_sql: how many rows the value rests on; of a rate, those in its denominator.
    date_column: the month (or day) column of `model` by which the metric is put into periods.
    grain: what is counted (办件, 工程×阶段, 项目, 事项). unit: 件, 个, 工作日, 自然日 or %. format: a d3 number format.
    """

    name: str
    label: str
    label_en: str
    unit: str
    sql: str
    numerator_sql: str | None
    denominator_sql: str | None
    n_sql: str
    model: str
    date_column: str
    grain: str
    caveats: str
    format: str

    @property
    def is_count(self) -> bool:
        """Whether it counts things (format `,d`) rather than being a rate or a duration."""
        return self.format.endswith("d")

    @property
    def needs_sample(self) -> bool:
        """Whether its value over fewer than MINIMUM_N cases must not be shown; a count is a count at any size."""
        return not self.is_count and self.grain != CENSUS_GRAIN


@dataclass(frozen=True)
class _Measure:
    sql: str
    n_sql: str
    model: str
    date_column: str


@dataclass(frozen=True)
class _Compiled:
    sql: str
    numerator_sql: str | None
    denominator_sql: str | None
    n_sql: str
    measure: _Measure


def load(settings: Settings) -> dict[str, Metric]:
    """Every metric that is written down, by name, in the order of the file. Raises ConfigError naming what is wrong."""
    path = settings.dbt_dir / "models" / "marts" / "_metrics.yml"
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    measures = _measures(document["semantic_models"], path)
    written = {metric["name"]: metric for metric in document["metrics"]}
    return {name: _metric(metric, _compile(name, written, measures, path), path) for name, metric in written.items()}


def _metric(metric: dict, compiled: _Compiled, path: Path) -> Metric:
    meta = metric.get("config", {}).get("meta", {})
    missing = [key for key in ("label_en", "unit", "format", "grain", "caveats") if not meta.get(key)]
    if missing or not metric.get("label"):
        raise _wrong(path, metric["name"], f"lacks {', '.join(missing or ['label'])}")
    return Metric(
        name=metric["name"],
        label=metric["label"],
        label_en=meta["label_en"],
        unit=meta["unit"],
        sql=compiled.sql,
        numerator_sql=compiled.numerator_sql,
        denominator_sql=compiled.denominator_sql,
        n_sql=compiled.n_sql,
        model=compiled.measure.model,
        date_column=compiled.measure.date_column,
        grain=meta["grain"],
        caveats=meta["caveats"],
        format=meta["format"],
    )


def _measures(semantic_models: list[dict], path: Path) -> dict[str, _Measure]:
    measures = {}
    for semantic_model in semantic_models:
        model = re.fullmatch(r"ref\('(\w+)'\)", semantic_model["model"])
        if not model:
            raise _wrong(path, semantic_model["name"], "needs model: ref('…')")
        columns = {item["name"]: item.get("expr", item["name"]) for item in semantic_model["dimensions"]}
        for measure in semantic_model["measures"]:
            dimension = measure.get("agg_time_dimension", semantic_model["defaults"]["agg_time_dimension"])
            if dimension not in columns:
                raise _wrong(path, measure["name"], f"names the unknown time dimension {dimension}")
            sql = _aggregate(measure, path)
            # A count rests on what it counts; anything else on the rows that have a value.
            counts = measure["agg"] in ("count", "count_distinct", "sum_boolean")
            n_sql = sql if counts else _AGGREGATES["count"].format(expr=measure.get("expr", measure["name"]))
            measures[measure["name"]] = _Measure(sql, n_sql, model[1], columns[dimension])
    return measures


def _aggregate(measure: dict, path: Path) -> str:
    expression = measure.get("expr", measure["name"])
    if measure["agg"] == "percentile":
        parameters = measure["agg_params"]
        function = "percentile_disc" if parameters.get("use_discrete_percentile") else "percentile_cont"
        return f"{function}({parameters['percentile']}) within group (order by {expression})"
    if measure["agg"] not in _AGGREGATES:
        raise _wrong(path, measure["name"], f"has the unknown aggregation {measure['agg']}")
    return _AGGREGATES[measure["agg"]].format(expr=expression)


def _compile(name: str, written: dict[str, dict], measures: dict[str, _Measure], path: Path) -> _Compiled:
    # A measure with create_metric is a metric of the same name in dbt, so ratios may name either.
    if name not in written:
        if name not in measures:
            raise _wrong(path, name, "is used but nowhere defined")
        return _Compiled(measures[name].sql, None, None, measures[name].n_sql, measures[name])
    metric = written[name]
    parameters = metric["type_params"]
    if metric["type"] == "simple":
        if parameters["measure"] not in measures:
            raise _wrong(path, name, f"uses the unknown measure {parameters['measure']}")
        measure = measures[parameters["measure"]]
        return _Compiled(measure.sql, None, None, measure.n_sql, measure)
    if metric["type"] == "ratio":
        top = _compile(parameters["numerator"], written, measures, path)
        bottom = _compile(parameters["denominator"], written, measures, path)
        _require_one_model(name, [top, bottom], path)
        sql = f"({top.sql})::numeric / nullif({bottom.sql}, 0)"
        return _Compiled(sql, top.sql, bottom.sql, bottom.n_sql, top.measure)
    if metric["type"] == "derived":
        inputs = {
            part.get("alias", part["name"]): _compile(part["name"], written, measures, path)
            for part in parameters["metrics"]
        }
        _require_one_model(name, list(inputs.values()), path)
        sql = re.sub(r"[a-z_]\w*", lambda word: _input(word[0], inputs), parameters["expr"])
        first = next(iter(inputs.values()))
        return _Compiled(sql, None, None, first.n_sql, first.measure)
    raise _wrong(path, name, f"has the type {metric['type']}; simple, ratio and derived are understood")


def _input(word: str, inputs: dict[str, _Compiled]) -> str:
    return f"({inputs[word].sql})" if word in inputs else word


def _require_one_model(name: str, parts: list[_Compiled], path: Path) -> None:
    models = sorted({part.measure.model for part in parts})
    if len(models) > 1:
        raise _wrong(path, name, f"mixes the marts {' and '.join(models)}; one figure is counted on one mart")


def _wrong(path: Path, name: str, problem: str) -> ConfigError:
    return ConfigError(f"{path.name}: {name} {problem}.", f"Mend the definition in {path}.")
