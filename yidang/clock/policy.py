"""What would another switch of the clock change? Both ways are built beside the real marts and compared row by row.

The real schemas are neither read nor written: both builds read the same raw rows (up to the same batch) as of the same
day, so that a difference has one cause, the switch.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psycopg
import yaml
from psycopg import sql
from psycopg.rows import dict_row
from rich.table import Table
from rich.text import Text

from yidang import beside, build, metrics
from yidang.dbt_variables import declared
from yidang.errors import ConfigError
from yidang.progress import Progress, aside, console
from yidang.settings import Settings
from yidang.superset_assets import shown_sql

_BEFORE, _AFTER = "diff_before_", "diff_after_"
_COLUMNS = ("case_id", "department_name", "item_name", "column", "before", "after")
_SHOWN = 20  # cases printed; all of them are in the CSV
# Stamps differ by their nature; everything else that differs is news.
_DIFFERENCES = """
select
    case_id,
    coalesce(after.department_name, before.department_name) as department_name,
    coalesce(after.item_name, before.item_name) as item_name,
    array_agg(key order by key) as columns,
    array_agg(old.value order by key) as before,
    array_agg(new.value order by key) as after
from {before}.fct_item_instance as before
full join {after}.fct_item_instance as after using (case_id)
cross join lateral (
    select to_jsonb(before) - 'rule_version' as old_row, to_jsonb(after) - 'rule_version' as new_row
) as both_rows
cross join lateral jsonb_each_text(coalesce(old_row, new_row)) as keys (key)
cross join lateral (select old_row ->> key as value) as old
cross join lateral (select new_row ->> key as value) as new
where old_row is distinct from new_row and old.value is distinct from new.value
group by 1, 2, 3
order by 1
"""


@dataclass(frozen=True)
class Change:
    """One case that comes out differently. columns: {column of fct_item_instance: (before, after)}, as text."""

    case_id: str
    department_name: str | None
    item_name: str | None
    columns: dict[str, tuple[str | None, str | None]]


@dataclass(frozen=True)
class Difference:
    """figures: those over all rows that differ, as (metric, before, after); None is 样本不足 or no value."""

    as_of: date
    policy: dict
    changed: dict
    case_count: int
    changes: list[Change]
    figures: list[tuple[metrics.Metric, object, object]]


def diff(settings: Settings, changed: dict, as_of: date) -> Difference:
    """Build with today's clock_policy and with `changed` in it, and compare.

    Raises ConfigError for a switch or value that there is not, before anything is built; YidangError if a build fails.
    """
    policy = current(settings)
    _check(changed, declared(settings.dbt_dir)["clock_policy_choices"])
    if all(policy[name] == value for name, value in changed.items()):
        raise ConfigError(f"That is how it is: {_listed(changed)}.", "Give a switch another value.")
    defined = metrics.load(settings)
    with beside.schemas(settings, (_BEFORE, _AFTER), "policy diff") as connection:
        (released,) = connection.execute("select max(release_number) from landing.batch").fetchone()
        marts = sorted({"fct_item_instance", *(metric.model for metric in defined.values())})
        progress = Progress("Everything is built twice, beside the real marts", aside)
        for label, prefix, values in (
            ("as it is", _BEFORE, policy),
            (f"with {_listed(changed)}", _AFTER, policy | changed),
        ):
            with progress.step(label):
                build.build(
                    settings,
                    as_of=as_of,
                    select=" ".join(f"+{mart}" for mart in marts),
                    batch_until=released,
                    overrides={"clock_policy": values, "schema_prefix": prefix},
                    with_tests=False,
                )
        schemas = {name: sql.Identifier(f"{prefix}marts") for name, prefix in (("before", _BEFORE), ("after", _AFTER))}
        connection.row_factory = dict_row
        changes = [
            Change(
                row["case_id"],
                row["department_name"],
                row["item_name"],
                dict(zip(row["columns"], zip(row["before"], row["after"], strict=True), strict=True)),
            )
            for row in connection.execute(sql.SQL(_DIFFERENCES).format(**schemas))
        ]
        count = connection.execute(
            sql.SQL("select count(*) as cases from {after}.fct_item_instance").format(**schemas)
        ).fetchone()["cases"]
        before, after = (_figures(connection, schema, defined) for schema in schemas.values())
    figures = [(metric, before[name], after[name]) for name, metric in defined.items() if before[name] != after[name]]
    return Difference(as_of, policy, changed, count, changes, figures)


def current(settings: Settings) -> dict:
    """The switches as dbt_project.yml has them."""
    return declared(settings.dbt_dir)["clock_policy"]


def parse(assignments: list[str]) -> dict:
    """`name=value` as a dict, values as YAML reads them: true, 5, roll_forward; what is no YAML stays text."""
    changed = {}
    for assignment in assignments:
        name, separator, value = assignment.partition("=")
        if not separator or not value:
            raise ConfigError(f"{assignment!r} sets no switch.", "Write name=value: closed_day_acceptance=roll_forward")
        try:
            changed[name.strip()] = yaml.safe_load(value)
        except yaml.YAMLError:
            changed[name.strip()] = value
    return changed


def _check(changed: dict, choices: dict) -> None:
    if unknown := [name for name in changed if name not in choices]:
        listed = ", ".join(f"{name}={_allowed(choice, ' | ')}" for name, choice in choices.items())
        raise ConfigError(f"There is no switch {', '.join(unknown)}.", f"There are: {listed}.")
    wrong = [name for name, value in changed.items() if not _may_be(value, choices[name])]
    if wrong:
        raise ConfigError(
            " ".join(f"The switch {name} cannot be {str(changed[name]).lower()}." for name in wrong),
            " ".join(f"{name} may be {_allowed(choices[name], ' or ')}." for name in wrong),
        )


def _may_be(value: object, choice: list | dict) -> bool:
    """By type, too: to Python 1 is true."""
    if isinstance(choice, dict):
        return type(value) is int and choice["least"] <= value <= choice["most"]
    return any(type(value) is type(allowed) and value == allowed for allowed in choice)


def _allowed(choice: list | dict, between: str) -> str:
    if isinstance(choice, dict):
        return f"{choice['least']} to {choice['most']}"
    return between.join(str(value).lower() for value in choice)


def write_csv(found: Difference, path: Path) -> int:
    """One row per case and column that differs. Returns how many."""
    rows = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for change in found.changes:
            for column, (before, after) in change.columns.items():
                writer.writerow((change.case_id, change.department_name, change.item_name, column, before, after))
                rows += 1
    return rows


def render(found: Difference) -> None:
    """Print which cases change in what, and the figures that differ."""
    for name, value in found.changed.items():
        console.print(Text(f"{name}: {found.policy[name]} → {value}   截至 as of {found.as_of}", style="bold"))
    console.print(f"{len(found.changes):,} of {found.case_count:,} cases differ 办件有变化")
    if found.changes:
        table = _table("办件 case", "部门 department", "变化 what differs")
        for change in found.changes[:_SHOWN]:
            told = "; ".join(
                f"{column}: {_shown(old)} → {_shown(new)}" for column, (old, new) in change.columns.items()
            )
            table.add_row(change.case_id, change.department_name or "", told)
        console.print(table)
        if len(found.changes) > _SHOWN:
            console.print(f"… and {len(found.changes) - _SHOWN:,} more: --output FILE.csv lists all")
    if found.figures:
        table = _table("指标 figure", "单位 unit", "原 before", "新 after")
        for metric, before, after in found.figures:
            table.add_row(f"{metric.label} {metric.name}", metric.unit, _number(before, metric), _number(after, metric))
        console.print(table)
    else:
        console.print("No figure over all cases differs 全部指标不变")


def _figures(connection: psycopg.Connection, schema: sql.Identifier, defined: dict[str, metrics.Metric]) -> dict:
    by_model: dict[str, list[metrics.Metric]] = {}
    for metric in defined.values():
        by_model.setdefault(metric.model, []).append(metric)
    values = {}
    for model, own in by_model.items():
        columns = sql.SQL(", ").join(
            sql.SQL(shown_sql(metric) + " as {}").format(sql.Identifier(metric.name)) for metric in own
        )
        statement = sql.SQL("select {} from {}.{}").format(columns, schema, sql.Identifier(model))
        values |= connection.execute(statement).fetchone()
    return values


def _number(value: object, metric: metrics.Metric) -> str:
    if value is None:
        return "—"
    if metric.unit == "%":
        return f"{100 * float(value):.1f}"
    return f"{value:,}" if metric.is_count else f"{float(value):,.2f}"


def _listed(switches: dict) -> str:
    return ", ".join(f"{name}={str(value).lower()}" for name, value in switches.items())


def _shown(value: str | None) -> str:
    return "—" if value is None else value


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 1))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
