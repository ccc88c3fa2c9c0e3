"""The files that Superset imports: superset/assets/ plus what only an installation knows.

The YAML in git names metrics; their formulas come from the dbt definitions, the warehouse's address from the settings.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from yidang import metrics
from yidang.errors import ConfigError
from yidang.settings import Settings


def source_dir(settings: Settings) -> Path:
    return settings.root / "superset" / "assets"


def render(settings: Settings) -> dict[str, str]:
    """Path → text of every asset, ready for import. Raises ConfigError for a dataset without a mart of its own name."""
    by_model: dict[str, list[metrics.Metric]] = {}
    for metric in metrics.load(settings).values():
        by_model.setdefault(metric.model, []).append(metric)
    files = {}
    for path in sorted(source_dir(settings).rglob("*.yaml")):
        asset = yaml.safe_load(path.read_text(encoding="utf-8"))
        name = path.relative_to(source_dir(settings))
        if name.parts[0] == "databases":
            asset["sqlalchemy_uri"] = _uri_without_password(settings)
        elif name.parts[0] == "datasets":
            if "metrics" in asset:
                raise ConfigError(f"{path} lists metrics.", "Leave them out: they come from dbt's _metrics.yml.")
            asset["metrics"] = [
                entry for metric in by_model.get(asset["table_name"], []) for entry in _dataset_metrics(metric)
            ]
        files[str(name)] = yaml.safe_dump(asset, allow_unicode=True, sort_keys=False)
    return files


def _dataset_metrics(metric: metrics.Metric) -> list[dict]:
    """The metric as Superset wants it; a rate brings the count it rests on, as `<name>__n`."""
    figure = {
        "metric_name": metric.name,
        "verbose_name": metric.label,
        "expression": metric.sql,
        "description": metric.caveats,
        "d3format": metric.format,
    }
    if metric.denominator_sql is None:
        return [figure]
    count = {
        "metric_name": f"{metric.name}__n",
        "verbose_name": f"n（{metric.grain}）",
        "expression": metric.n_sql,
        "description": f"{metric.label}的分母",
        "d3format": ",d",
    }
    return [figure, count]


def _uri_without_password(settings: Settings) -> str:
    """Superset asks its password store for the rest (superset_config.py)."""
    before, _, after = settings.dsn("reader", "+psycopg2").rpartition("@")
    return f"{before.rpartition(':')[0]}@{after}"
