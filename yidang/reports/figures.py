"""Metric + slice → Figure: a value that knows its n, its SQL and the build it was counted from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

import psycopg
from psycopg import sql

from yidang.errors import YidangError
from yidang.metrics import MINIMUM_N, Metric


@dataclass(frozen=True)
class Period:
    """A closed interval of days, on the metric's own date column."""

    first: date
    last: date

    def a_year_before(self) -> Period:
        """The same days one year earlier (29 February becomes 28 February)."""
        return Period(_year_before(self.first), _year_before(self.last))


@dataclass(frozen=True)
class Slice:
    """Which rows of a metric's mart are counted. Build with `rows()`.

    equals:   column → value pairs, all of which must hold; a value of None means `is null`.
    period:   on the metric's date column; None means every date.
    valid_on: for catalogue marts: the version that was in force on this day.
    flag:     for marts with `clock_flags`: this one is among them.
    """

    equals: tuple[tuple[str, object], ...] = ()
    period: Period | None = None
    valid_on: date | None = None
    flag: str | None = None

    def and_where(self, **equals: object) -> Slice:
        return replace(self, equals=(*self.equals, *equals.items()))

    def __str__(self) -> str:
        parts = [f"{column} = {'null' if value is None else value}" for column, value in self.equals]
        if self.period:
            parts.append(f"{self.period.first} … {self.period.last}")
        if self.valid_on:
            parts.append(f"valid on {self.valid_on}")
        if self.flag:
            parts.append(f"flagged {self.flag}")
        return "; ".join(parts) or "all"


def rows(
    period: Period | None = None, *, valid_on: date | None = None, flag: str | None = None, **equals: object
) -> Slice:
    """The slice of rows with these column values, in this period, in force on this day, with this clock flag."""
    return Slice(tuple(equals.items()), period, valid_on, flag)


@dataclass(frozen=True)
class Snapshot:
    """The build that the figures come from."""

    as_of: date
    calendar_version: str
    rule_version: str


@dataclass(frozen=True)
class Figure:
    """One value of one metric over one slice.

    value: None when no row carries it (a zero denominator); rates are fractions (0.953), durations days.
    n:     the cases the value rests on.
    interval: lower and upper bound (95 %, fractions) of a rate that league tables rank by, else None.
    """

    metric: Metric
    where: Slice
    value: Decimal | None
    n: int
    numerator: Decimal | None
    denominator: Decimal | None
    interval: tuple[float, float] | None
    snapshot: Snapshot
    sql: str

    @property
    def is_small(self) -> bool:
        """Too few cases for a rate or a duration; a count is a count at any size."""
        if self.metric.is_count:
            return False
        return self.value is None or (self.n < MINIMUM_N and self.metric.needs_sample)


@dataclass(frozen=True)
class Difference:
    """`later` minus `earlier`: as printed, so that a reader who subtracts the printed numbers agrees."""

    later: Figure
    earlier: Figure
    value: Decimal

    @property
    def formula(self) -> str:
        return "later - earlier"


@dataclass(frozen=True)
class RelativeChange:
    """(`later` − `earlier`) / `earlier`, a fraction."""

    later: Figure
    earlier: Figure
    value: Decimal

    @property
    def formula(self) -> str:
        return "(later - earlier) / earlier"


Evidence = Figure | Difference | RelativeChange


class Figures:
    """Asks the marts for figures, each metric × slice once."""

    def __init__(self, connection: psycopg.Connection, metrics: dict[str, Metric]) -> None:
        self._connection = connection
        self._metrics = metrics
        self._known: dict[tuple[str, Slice], Figure] = {}
        self.snapshot = _snapshot(connection)

    def one(self, metric_name: str, where: Slice = rows()) -> Figure:  # noqa: B008 - a frozen value
        """The figure of one metric over one slice. Raises YidangError for a metric that is not defined."""
        key = (metric_name, where)
        if key not in self._known:
            metric = self._metric(metric_name)
            statement = _select(metric, where)
            row = self._connection.execute(statement).fetchone()
            self._known[key] = self._figure(metric, where, statement, row)
        return self._known[key]

    def by(self, metric_name: str, column: str, where: Slice = rows()) -> dict[object, Figure]:  # noqa: B008
        """The figures of one metric for each value of `column` that occurs in the slice, in the column's order.

        One query; every figure still carries the statement that gives it alone.
        """
        metric = self._metric(metric_name)
        found = {}
        for value, *row in self._connection.execute(_select(metric, where, group_by=column)).fetchall():
            part = where.and_where(**{column: value})
            figure = self._figure(metric, part, _select(metric, part), row)
            found[value] = self._known.setdefault((metric_name, part), figure)
        return found

    def each(self, metric_name: str, column: str, values: Iterable[object], where: Slice = rows()) -> dict:  # noqa: B008
        """As `by`, for exactly these values: one that does not occur gets the figure of an empty slice."""
        found = self.by(metric_name, column, where)
        return {
            value: found[value] if value in found else self.one(metric_name, where.and_where(**{column: value}))
            for value in values
        }

    def _metric(self, name: str) -> Metric:
        try:
            return self._metrics[name]
        except KeyError:
            raise YidangError(
                f"The report needs the metric {name}, which is not defined.",
                f"Defined are: {', '.join(sorted(self._metrics))}.",
            ) from None

    def _figure(self, metric: Metric, where: Slice, statement: sql.Composed, row: tuple) -> Figure:
        value, n, numerator, denominator, low, high = row
        return Figure(
            metric=metric,
            where=where,
            value=_decimal(value),
            n=n,
            numerator=_decimal(numerator),
            denominator=_decimal(denominator),
            interval=None if low is None else (low, high),
            snapshot=self.snapshot,
            sql=statement.as_string(self._connection),
        )


# -- SQL -------------------------------------------------------------------------------------------------
def _select(metric: Metric, where: Slice, group_by: str | None = None) -> sql.Composed:
    columns = [
        sql.SQL(metric.sql) + sql.SQL(" as value"),
        sql.SQL(metric.n_sql) + sql.SQL(" as n"),
        sql.SQL(metric.numerator_sql or "null") + sql.SQL(" as numerator"),
        sql.SQL(metric.denominator_sql or "null") + sql.SQL(" as denominator"),
        *(
            sql.SQL(bound) + sql.SQL(f" as {name}")
            for name, bound in zip(("low", "high"), metric.interval_sql or ("null", "null"), strict=True)
        ),
    ]
    statement = sql.SQL("select {} from {}").format(
        sql.SQL(", ").join([sql.Identifier(group_by), *columns] if group_by else columns),
        sql.Identifier("marts", metric.model),
    )
    conditions = _conditions(metric, where)
    if conditions:
        statement += sql.SQL(" where ") + sql.SQL(" and ").join(conditions)
    if group_by:
        statement += sql.SQL(" group by {0} order by {0}").format(sql.Identifier(group_by))
    return statement


def _conditions(metric: Metric, where: Slice) -> list[sql.Composed]:
    found = [
        sql.SQL("{} is null").format(sql.Identifier(column))
        if value is None
        else sql.SQL("{} = {}").format(sql.Identifier(column), sql.Literal(value))
        for column, value in where.equals
    ]
    if where.period:
        bounds = (sql.Identifier(metric.date_column), sql.Literal(where.period.first), sql.Literal(where.period.last))
        found.append(sql.SQL("{} between {} and {}").format(*bounds))
    if where.valid_on:
        template = sql.SQL("daterange(effective_from, effective_to, '[]') @> {}")
        found.append(template.format(sql.Literal(where.valid_on)))
    if where.flag:
        found.append(sql.SQL("{} = any(string_to_array(clock_flags, '|'))").format(sql.Literal(where.flag)))
    return found


def _snapshot(connection: psycopg.Connection) -> Snapshot:
    row = connection.execute(
        "select as_of, calendar_version, rule_version from marts.fct_item_instance limit 1"
    ).fetchone()
    if row is None:
        raise YidangError("The marts hold no cases.", "Pull the departments, then run `yidang build`.")
    return Snapshot(*row)


def _decimal(value: object) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _year_before(day: date) -> date:
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return day.replace(year=day.year - 1, day=28)
