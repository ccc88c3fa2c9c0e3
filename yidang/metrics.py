"""Metric definitions (dbt_project/models/marts/_metrics/*.yml) compiled to PostgreSQL aggregate expressions.

dbt's semantic layer needs a paid service to answer queries; its definitions do not. Dashboards, documents and the mart
agg_indicator take the expression by the metric's name, so no figure has a formula of its own anywhere else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

from yidang import yaml_text
from yidang.dbt_variables import declared
from yidang.errors import ConfigError
from yidang.settings import ROOT, Settings
from yidang.wilson import wilson_interval

# A rate or a duration of fewer cases than this says nothing: 样本不足 (rules C3).
MINIMUM_N: int = declared(ROOT / "dbt_project")["minimum_n"]
# What is counted by items of the catalogue is complete however short the list: no sample, so none too small.
CENSUS_GRAIN = "事项"

# Of these the value of a whole follows from its parts: from their sums, or from how often each value is met.
_AGGREGATES = {
    "sum": "sum({expr})",
    "average": "avg({expr})",
    "count": "count({expr})",
    "sum_boolean": "count(*) filter (where {expr})",
    "median": "percentile_cont({fraction}) within group (order by {expr})",
    "percentile": "percentile_cont({fraction}) within group (order by {expr})",
}
_COUNTS = ("count", "sum_boolean")
# Marts that hold what can be added up of others, by month and slice: a metric over them is made of the sums.
_ADDED_UP = {"agg_case_month": ("fct_item_instance", "fct_case_conduct", "fct_case_rating")}
# Marts that hold how often each value is met: the columns of value and count, and the metrics that are read off them.
_COUNTED = {
    "agg_case_days": (
        "elapsed_working_days",
        "case_count",
        ("median_elapsed_days", "p80_elapsed_days", "p90_elapsed_days"),
    ),
    "agg_stage_days": ("union_active_days", "stage_count", ("stage_union_days_median",)),
}
# Marts that hold some rows of another, with the columns that these metrics of it need.
_SELECTED = {"fct_open_case": ("cases_open", "cases_overdue_open")}


@dataclass(frozen=True)
class Exclusion:
    """Why rows of a period are not in a metric. `sql` counts them; a row is counted under its first reason only."""

    name: str
    condition: str
    sql: str


@dataclass(frozen=True)
class Period:
    """How rows come into a period.

    label:         the date in words (办结日期).
    date_column:   month (or day) column of the mart for the rows that the metric counts.
    cohort_column: the same, also dated for excluded rows: a withdrawal counts beside the decisions of its month.
    scope:         instead of a date: the rows that are looked at (the versions in force), else None.
    """

    label: str
    date_column: str
    cohort_column: str
    scope: str | None


@dataclass(frozen=True)
class Metric:
    """One figure. `sql` is an aggregate expression over the mart `model`; it is null where nothing can be said.

    code: its number in the rules (T1, R5 …), None where it has none. formula: its reading in Chinese.
    numerator_sql, denominator_sql: the two parts of a rate, else None; the labels say them in Chinese.
    n_sql: how many rows the value rests on; of a rate, those in its denominator.
    counted_sql, part_sql: of one row, whether it is among the n, and what it gives to the value (of a rate, to the
        numerator).
    total_sql: what is added up: its value, or of a mean (is_mean) the sum that n divides; None of a rate or percentile.
    values_sql, fraction: of a percentile, the values it is of and which one it is (0 to 1); else None.
    sums: what it is made of in a mart that adds up `model`: column → its aggregate here; {} of what cannot be added up.
    exclusions: every row of the mart that is not among the n, by reason.
    slices: dimension → SQL by which the mart can be split.
    grain: what is counted (办件, 工程×阶段, 项目, 事项). unit: 件, 个, 工作日, 自然日 or %. format: a d3 number format.
    is_ranked: whether league tables rank by it, so that it carries a Wilson interval.
    is_standing: whether it is of one day, the day of the build, and so has no period (what is open, what is in force).
    no_data: why no source can say it, so that it never has a value; else None.
    """

    name: str
    code: str | None
    label: str
    label_en: str
    description: str
    formula: str
    unit: str
    sql: str
    numerator_sql: str | None
    denominator_sql: str | None
    numerator_label: str | None
    denominator_label: str | None
    n_sql: str
    counted_sql: str
    part_sql: str
    total_sql: str | None
    is_mean: bool
    values_sql: str | None
    fraction: float | None
    sums: dict[str, str] = field(hash=False)
    exclusions: tuple[Exclusion, ...]
    model: str
    period: Period
    slices: dict[str, str] = field(hash=False)
    grain: str
    caveats: str
    format: str
    is_ranked: bool
    is_standing: bool
    no_data: str | None

    @property
    def interval_sql(self) -> tuple[str, str] | None:
        """The bounds of its 95 % interval where league tables rank by it."""
        return wilson_interval(self.numerator_sql, self.denominator_sql) if self.is_ranked else None

    @property
    def date_column(self) -> str:
        """The month (or day) column of `model` by which the metric is put into periods."""
        return self.period.date_column

    @property
    def is_count(self) -> bool:
        """Whether it counts things (format `,d`) rather than being a rate or a duration."""
        return self.format.endswith("d")

    @property
    def needs_sample(self) -> bool:
        """Whether its value over fewer than MINIMUM_N cases must not be shown; a count is a count at any size."""
        return not self.is_count and self.grain != CENSUS_GRAIN


@dataclass(frozen=True)
class _Mart:
    model: str
    periods: dict[str, Period]
    slices: dict[str, str]
    exclusions: dict[str, str]


@dataclass(frozen=True)
class _Measure:
    name: str
    sql: str
    n_sql: str
    counted_sql: str
    part_sql: str
    total_sql: str | None
    is_mean: bool
    values_sql: str | None
    fraction: float | None
    label: str | None
    mart: _Mart
    time_dimension: str

    @property
    def sums(self) -> dict[str, str]:
        """The columns that hold it in a mart of sums: itself, and unless it counts, how many rows it rests on."""
        if self.total_sql is None or self.is_mean:
            return {}
        return {self.name: self.sql} if self.n_sql == self.sql else {self.name: self.sql, f"{self.name}__n": self.n_sql}


@dataclass(frozen=True)
class _Compiled:
    sql: str
    numerator: _Measure | None
    denominator: _Measure | None
    n_sql: str
    measure: _Measure


def folder(settings: Settings) -> Path:
    return settings.dbt_dir / "models" / "marts" / "_metrics"


def load(settings: Settings) -> dict[str, Metric]:
    """Every metric that is written down, by name, in the order of the files. Raises ConfigError for a wrong one."""
    documents = {
        path: yaml_text.load(path.read_text(encoding="utf-8")) for path in sorted(folder(settings).glob("*.yml"))
    }
    measures = {}
    for path, document in documents.items():
        measures |= _measures(document["semantic_models"], path)
    written = {metric["name"]: metric for document in documents.values() for metric in document["metrics"]}
    return {
        metric["name"]: _metric(metric, _compile(metric["name"], written, measures, path), path)
        for path, document in documents.items()
        for metric in document["metrics"]
    }


def of_mart(loaded: dict[str, Metric], model: str) -> dict[str, Metric]:
    """The metrics that can be read off a mart, by name, with their SQL over it: its own or those of what it adds up."""
    if model in _ADDED_UP:
        added = (metric for metric in loaded.values() if metric.model in _ADDED_UP[model] and metric.sums)
        return {metric.name: _over_sums(metric, model) for metric in added}
    if model in _SELECTED:
        return {name: replace(loaded[name], model=model) for name in _SELECTED[model]}
    if model in _COUNTED:
        value, count, names = _COUNTED[model]
        return {name: _over_counts(loaded[name], model, value, count) for name in names if name in loaded}
    return {metric.name: metric for metric in loaded.values() if metric.model == model}


def _by_month(metric: Metric, model: str, **sql: object) -> Metric:
    """The metric read off a small mart, where whatever puts it into a period is the one column `month`."""
    period = replace(metric.period, date_column="month", cohort_column="month")
    return replace(metric, model=model, period=period, exclusions=(), **sql)


def _over_sums(metric: Metric, model: str) -> Metric:
    added = {aggregate: f"sum({column})" for column, aggregate in metric.sums.items()}
    if metric.denominator_sql is None:
        return _by_month(metric, model, sql=added[metric.sql], n_sql=added[metric.n_sql])
    top, bottom = added[metric.numerator_sql], added[metric.denominator_sql]
    return _by_month(
        metric,
        model,
        sql=f"({top})::numeric / nullif({bottom}, 0)",
        numerator_sql=top,
        denominator_sql=bottom,
        n_sql=added[metric.n_sql],
    )


def _over_counts(metric: Metric, model: str, value: str, count: str) -> Metric:
    quantile = f"marts.quantile_of_counts({metric.fraction}, array_agg({value}), array_agg({count}))"
    return _by_month(metric, model, sql=quantile, n_sql=f"coalesce(sum({count}), 0)")


def for_dbt(loaded: dict[str, Metric]) -> list[dict]:
    """What the macros of the indicator marts need of each metric, as plain values for dbt's variable `metrics`."""
    return [
        {
            "name": metric.name,
            "code": metric.code,
            "label": metric.label,
            "unit": metric.unit,
            "grain": metric.grain,
            "model": metric.model,
            "cohort_column": None if metric.period.scope else metric.period.cohort_column,
            "scope": metric.period.scope,
            "slices": metric.slices,
            "sql": metric.sql,
            "n_sql": metric.n_sql,
            "numerator_sql": metric.numerator_sql,
            "denominator_sql": metric.denominator_sql,
            "total_sql": metric.total_sql,
            "is_mean": metric.is_mean,
            "values_sql": metric.values_sql,
            "fraction": metric.fraction,
            "date_column": metric.period.date_column,
            "sums": metric.sums,
            "added_up_in": next((mart for mart, models in _ADDED_UP.items() if metric.model in models), None),
            "exclusions": [{"name": reason.name, "sql": reason.sql} for reason in metric.exclusions],
            "minimum_n": MINIMUM_N if metric.needs_sample else 0,
            "is_ranked": metric.is_ranked,
            "no_data": metric.no_data,
        }
        for metric in loaded.values()
    ]


def _metric(metric: dict, compiled: _Compiled, path: Path) -> Metric:
    meta = metric.get("config", {}).get("meta", {})
    missing = [key for key in ("label_en", "unit", "format", "grain", "formula", "caveats") if not meta.get(key)]
    if missing or not metric.get("label"):
        raise _wrong(path, metric["name"], f"lacks {', '.join(missing or ['label'])}")
    mart = compiled.measure.mart
    parts = (compiled.numerator, compiled.denominator)
    alone = None if compiled.numerator else compiled.measure
    return Metric(
        name=metric["name"],
        code=meta.get("code"),
        label=metric["label"],
        label_en=meta["label_en"],
        description=metric["description"],
        formula=meta["formula"],
        unit=meta["unit"],
        sql=compiled.sql,
        numerator_sql=parts[0] and parts[0].sql,
        denominator_sql=parts[1] and parts[1].sql,
        numerator_label=parts[0] and parts[0].label,
        denominator_label=parts[1] and parts[1].label,
        n_sql=compiled.n_sql,
        counted_sql=(compiled.denominator or compiled.measure).counted_sql,
        part_sql=compiled.measure.part_sql,
        total_sql=alone and alone.total_sql,
        is_mean=alone is not None and alone.is_mean,
        values_sql=alone and alone.values_sql,
        fraction=alone and alone.fraction,
        sums={} if meta.get("no_data") else _sums(compiled),
        exclusions=_exclusions(metric["name"], meta.get("exclusions", []), mart, path),
        model=mart.model,
        period=mart.periods[compiled.measure.time_dimension],
        slices=mart.slices,
        grain=meta["grain"],
        caveats=meta["caveats"],
        format=meta["format"],
        is_ranked=meta.get("is_ranked", False),
        is_standing=meta.get("is_standing", False),
        no_data=meta.get("no_data"),
    )


def _sums(compiled: _Compiled) -> dict[str, str]:
    if compiled.numerator is None:
        return compiled.measure.sums
    return {compiled.numerator.name: compiled.numerator.sql} | compiled.denominator.sums


def _exclusions(name: str, reasons: list[str], mart: _Mart, path: Path) -> tuple[Exclusion, ...]:
    if unknown := [reason for reason in reasons if reason not in mart.exclusions]:
        raise _wrong(path, name, f"excludes for the unknown reason {', '.join(unknown)}")
    conditions = [mart.exclusions[reason] for reason in reasons]
    return tuple(
        Exclusion(
            reason,
            conditions[place],
            "count(*) filter (where "
            + " and ".join([f"({conditions[place]}) is true", *(f"({one}) is not true" for one in conditions[:place])])
            + ")",
        )
        for place, reason in enumerate(reasons)
    )


def _measures(semantic_models: list[dict], path: Path) -> dict[str, _Measure]:
    measures = {}
    for semantic_model in semantic_models:
        mart = _mart(semantic_model, path)
        for measure in semantic_model["measures"]:
            dimension = measure.get("agg_time_dimension", semantic_model["defaults"]["agg_time_dimension"])
            if dimension not in mart.periods:
                raise _wrong(path, measure["name"], f"names the unknown time dimension {dimension}")
            measures[measure["name"]] = _measure(measure, mart, dimension, path)
    return measures


def _mart(semantic_model: dict, path: Path) -> _Mart:
    model = re.fullmatch(r"ref\('(\w+)'\)", semantic_model["model"])
    if not model:
        raise _wrong(path, semantic_model["name"], "needs model: ref('…')")
    meta = semantic_model.get("config", {}).get("meta", {})
    periods = {}
    for dimension in semantic_model["dimensions"]:
        if dimension["type"] == "time":
            column = dimension.get("expr", dimension["name"])
            cohort = meta.get("cohorts", {}).get(dimension["name"], column)
            periods[dimension["name"]] = Period(dimension.get("label", ""), column, cohort, meta.get("scope"))
    return _Mart(model[1], periods, meta.get("slices", {}), meta.get("exclusions", {}))


def _measure(measure: dict, mart: _Mart, time_dimension: str, path: Path) -> _Measure:
    expression, kind = measure.get("expr", measure["name"]), measure["agg"]
    if kind not in _AGGREGATES:
        raise _wrong(path, measure["name"], f"has the unknown aggregation {kind}")
    parameters = measure.get("agg_params", {})
    if parameters.get("use_discrete_percentile"):
        raise _wrong(path, measure["name"], "asks for a discrete percentile; percentiles are interpolated")
    fraction = {"median": 0.5, "percentile": parameters.get("percentile", 0.5)}.get(kind)
    sql = _AGGREGATES[kind].format(expr=expression, fraction=fraction)
    is_mean = kind == "average"
    return _Measure(
        name=measure["name"],
        sql=sql,
        # A count rests on what it counts; anything else on the rows that have a value.
        n_sql=sql if kind in _COUNTS else _AGGREGATES["count"].format(expr=expression),
        counted_sql=f"({expression}) is {'true' if kind == 'sum_boolean' else 'not null'}",
        part_sql=f"(({expression}) is not null)" if kind == "count" else f"({expression})",
        total_sql=_AGGREGATES["sum"].format(expr=expression) if is_mean else sql if fraction is None else None,
        is_mean=is_mean,
        values_sql=None if fraction is None else expression,
        fraction=fraction,
        label=measure.get("description"),
        mart=mart,
        time_dimension=time_dimension,
    )


def _compile(name: str, written: dict[str, dict], measures: dict[str, _Measure], path: Path) -> _Compiled:
    # A measure with create_metric is a metric of the same name in dbt, so ratios may name either.
    if name not in written:
        if name not in measures:
            raise _wrong(path, name, "is used but nowhere defined")
        return _simple(measures[name])
    metric = written[name]
    parameters = metric["type_params"]
    if metric["type"] == "simple":
        if parameters["measure"] not in measures:
            raise _wrong(path, name, f"uses the unknown measure {parameters['measure']}")
        return _simple(measures[parameters["measure"]])
    if metric["type"] == "ratio":
        top = _compile(parameters["numerator"], written, measures, path)
        bottom = _compile(parameters["denominator"], written, measures, path)
        _require_one_model(name, [top, bottom], path)
        if any(part.measure.total_sql is None or part.measure.is_mean for part in (top, bottom)):
            raise _wrong(path, name, "divides a mean, median or percentile; only sums and counts can be divided")
        sql = f"({top.sql})::numeric / nullif({bottom.sql}, 0)"
        return _Compiled(sql, top.measure, bottom.measure, bottom.n_sql, top.measure)
    raise _wrong(path, name, f"has the type {metric['type']}; simple and ratio are understood")


def _simple(measure: _Measure) -> _Compiled:
    return _Compiled(measure.sql, None, None, measure.n_sql, measure)


def _require_one_model(name: str, parts: list[_Compiled], path: Path) -> None:
    models = sorted({part.measure.mart.model for part in parts})
    if len(models) > 1:
        raise _wrong(path, name, f"mixes the marts {' and '.join(models)}; one figure is counted on one mart")


def _wrong(path: Path, name: str, problem: str) -> ConfigError:
    return ConfigError(f"{path.name}: {name} {problem}.", f"Mend the definition in {path}.")
