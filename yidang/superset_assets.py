"""The files that Superset imports: superset/assets/ and who sees what, plus what only an installation knows.

The YAML in git names metrics; their formulas come from the dbt definitions, the warehouse's address from the settings.
"""

from __future__ import annotations

from pathlib import Path

from yidang import dictionary, metrics, superset_access, yaml_text
from yidang.errors import ConfigError
from yidang.settings import Settings

# Below any rate or duration: a group without a figure comes last.
BELOW_EVERYTHING = -1_000_000_000
# Superset keeps it with the asset: what bears it was imported from the file it names, all else people made.
OURS = "yidang:"
# As whom each file of databases/ connects (settings.ROLES).
LOGINS = {"warehouse": "reader", "personal": "personal"}


def source_dir(settings: Settings) -> Path:
    return settings.root / "superset" / "assets"


def render(settings: Settings) -> dict[str, str]:
    """Path → text of every asset, ready for import. Raises ConfigError for a dataset that brings metrics of its own."""
    known = metrics.load(settings)
    units = figure_units(settings)
    files, datasets = {}, {}
    for path in sorted(source_dir(settings).rglob("*.yaml")):
        asset = yaml_text.load(path.read_text(encoding="utf-8"))
        name = path.relative_to(source_dir(settings))
        if name.parts[0] == "databases":
            asset["sqlalchemy_uri"] = _uri_without_password(settings, LOGINS[name.stem])
        elif name.parts[0] == "datasets":
            datasets[asset["table_name"]] = asset["uuid"]
            if "metrics" in asset:
                raise ConfigError(f"{path} lists metrics.", "Leave them out: they come from dbt's _metrics.")
            defined = metrics.of_mart(known, asset["table_name"]).values()
            asset["metrics"] = [entry for metric in defined for entry in _dataset_metrics(metric)]
            asset["metrics"] += own_figures(asset, units)
        if name.parts[0] in ("charts", "dashboards", "datasets"):
            asset["external_url"] = f"{OURS}{name.as_posix()}"
        files[str(name)] = yaml_text.dump(asset)
    files["access.json"] = superset_access.render(settings, datasets)
    return files


def figure_units(settings: Settings) -> dict[str, str]:
    """Column name → unit, of every mart's columns that have one."""
    return {column.name: column.unit for model in dictionary.marts(settings) for column in model.columns if column.unit}


def own_figures(dataset: dict, units: dict[str, str]) -> list[dict]:
    """What a mart has already computed, as a chart can draw it, named by the dataset's `extra`.

    figures: the value of one row, and nothing where a chart would merge several. counts: what may be added up.
    orders: what a table only sorts its groups by, named `<column>__order`.
    """
    expressions = {
        "figures": "case when count({column}) = 1 then max({column}) end",
        "counts": "sum({column})",
    }
    formats = {"%": ".1%", "工作日": ".1f", "自然日": ".1f"}
    labels = {column["column_name"]: column["verbose_name"] for column in dataset["columns"]}
    extra = dataset.get("extra") or {}
    return [
        {
            "metric_name": name,
            "verbose_name": labels.get(name),
            "expression": expressions[kind].format(column=name),
            "description": "数仓中已算好的数，一行一值，不跨行合计" if kind == "figures" else "可以相加的件数",
            "d3format": formats.get(units.get(name, ""), ",d"),
        }
        for kind in expressions
        for name in extra.get(kind, [])
    ] + [
        {
            "metric_name": f"{name}__order",
            "verbose_name": None,  # with a label a chart would draw what it only sorts by
            "expression": f"max({name})",
            "description": "只用来排序",
            "d3format": None,
        }
        for name in extra.get("orders", [])
    ]


def as_in_git(asset: dict) -> dict:
    """A rendered asset without what `render` put in."""
    return {key: value for key, value in asset.items() if key not in ("sqlalchemy_uri", "metrics", "external_url")}


def _dataset_metrics(metric: metrics.Metric) -> list[dict]:
    """The metric as Superset wants it; a rate brings the count it rests on, as `<name>__n`.

    What needs a sample also brings `<name>__order`, to sort by: PostgreSQL and pandas each put a null first somewhere.
    What league tables rank by brings its Wilson interval as text, `<name>__interval`: 样本不足 for a small group.
    """
    figure = {
        "metric_name": metric.name,
        "verbose_name": metric.label,
        "expression": shown_sql(metric),
        "description": metric.formula,
        "d3format": metric.format,
    }
    if not metric.needs_sample:
        return [figure] if metric.denominator_sql is None else [figure, _sample_size(metric)]
    order = {
        "metric_name": f"{metric.name}__order",
        # A chart hides what it only sorts by, but knows it by this name alone: with a label it would draw it.
        "verbose_name": None,
        "expression": f"coalesce({shown_sql(metric)}, {BELOW_EVERYTHING})",
        "description": f"与{metric.label}相同，样本不足的排在最后",
        "d3format": metric.format,
    }
    if metric.denominator_sql is None:
        return [figure, order]
    return [figure, _sample_size(metric), order, *([_interval(metric)] if metric.is_ranked else [])]


def _sample_size(metric: metrics.Metric) -> dict:
    return {
        "metric_name": f"{metric.name}__n",
        "verbose_name": f"样本数（{metric.grain}）",
        "expression": metric.n_sql,
        "description": f"{metric.label}的分母",
        "d3format": ",d",
    }


def _interval(metric: metrics.Metric) -> dict:
    bounds = " || '–' || ".join(f"to_char(100 * ({bound}), 'FM990.0') || '%'" for bound in metric.interval_sql)
    return {
        "metric_name": f"{metric.name}__interval",
        "verbose_name": "95%区间",
        "expression": f"case when ({metric.n_sql}) >= {metrics.MINIMUM_N} then {bounds} else '样本不足' end",
        "description": f"{metric.label}的 Wilson 95% 置信区间；少于 {metrics.MINIMUM_N} 件写样本不足",
        "d3format": None,
    }


def shown_sql(metric: metrics.Metric) -> str:
    """The metric's expression, null for a group of fewer than MINIMUM_N cases if it needs a sample (样本不足)."""
    if not metric.needs_sample:
        return metric.sql
    return f"case when ({metric.n_sql}) >= {metrics.MINIMUM_N} then ({metric.sql}) end"


def _uri_without_password(settings: Settings, role: str) -> str:
    """Superset asks its password store for the rest (superset_config.py)."""
    before, _, after = settings.dsn(role, "+psycopg2").rpartition("@")
    return f"{before.rpartition(':')[0]}@{after}"
