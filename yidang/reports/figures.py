"""Metric + slice → Figure: a value that knows its n, its SQL and the build it was counted from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Context, Decimal

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from yidang.errors import YidangError
from yidang.metrics import MINIMUM_N, Metric, of_mart
from yidang.reports.indicators import Held, Indicators, month_end


@dataclass(frozen=True)
class Period:
    """A closed interval of days, on the metric's own date column."""

    first: date
    last: date

    @property
    def is_whole_months(self) -> bool:
        """Only such a period can be compared: the marts count by month, so a part of one would meet a whole one."""
        return self.first.day == 1 and (self.last + timedelta(days=1)).day == 1

    def a_year_before(self) -> Period:
        """The same days one year earlier (29 February becomes 28 February); whole months stay whole."""
        last = _year_before(self.last)
        return Period(_year_before(self.first), month_end(last) if self.is_whole_months else last)

    def just_before(self) -> Period:
        """As many months before it. It must be whole months itself."""
        month_after = self.last + timedelta(days=1)
        count = (month_after.year - self.first.year) * 12 + month_after.month - self.first.month
        before = self.first.year * 12 + self.first.month - 1 - count
        return Period(date(before // 12, before % 12 + 1, 1), self.first - timedelta(days=1))


@dataclass(frozen=True)
class Slice:
    """Which rows of a metric's mart are counted. Build with `rows()`.

    equals:   column → value pairs, all of which must hold; a value of None means `is null`.
              of several values (a tuple), any.
    period:   on the metric's date column; None means every date.
    valid_on: for catalogue marts: the version that was in force on this day.
    flag:     for marts with `clock_flags`: this one is among them.
    known:    this column has a value.
    by_day:   the period is of days: on decided_date where the metric is dated by decided_month, for marts with both.
    """

    equals: tuple[tuple[str, object], ...] = ()
    period: Period | None = None
    valid_on: date | None = None
    flag: str | None = None
    known: str | None = None
    by_day: bool = False

    def and_where(self, **equals: object) -> Slice:
        return replace(self, equals=(*self.equals, *equals.items()))

    def before(self, which: str) -> Slice | None:
        """The same rows a year ("year") or a period ("period") earlier; None of a month that is not over."""
        if self.valid_on:
            return replace(
                self, valid_on=_year_before(self.valid_on) if which == "year" else _month_before(self.valid_on)
            )
        if not self.period.is_whole_months:
            return None
        return replace(self, period=self.period.a_year_before() if which == "year" else self.period.just_before())

    def as_plain(self) -> dict[str, object]:
        """As values that JSON holds; `from_plain` reads them back."""
        return {
            "equals": [[name, value.isoformat() if isinstance(value, date) else value] for name, value in self.equals],
            "period": self.period and [self.period.first.isoformat(), self.period.last.isoformat()],
            "valid_on": self.valid_on and self.valid_on.isoformat(),
            "flag": self.flag,
            "known": self.known,
            "by_day": self.by_day,
        }

    @classmethod
    def from_plain(cls, plain: dict[str, object]) -> Slice:
        period, valid_on = plain["period"], plain["valid_on"]
        return cls(
            tuple((column, tuple(value) if isinstance(value, list) else value) for column, value in plain["equals"]),
            period and Period(*map(date.fromisoformat, period)),
            valid_on and date.fromisoformat(valid_on),
            plain["flag"],
            plain.get("known"),  # not in reports of before
            plain.get("by_day", False),
        )

    def in_words(self, names: Mapping[str, Mapping[object, str]]) -> str:
        """For a reader. names: column → value → what it is called (words.names_of)."""
        parts = [
            f"{_WORDS.get(column, column)}={_words(value, names.get(column, {}))}" for column, value in self.equals
        ]
        if self.known:
            parts.append(f"{_WORDS.get(self.known, self.known)}=已知")
        if self.period:
            parts.append(f"{self.period.first}至{self.period.last}")
        if self.valid_on:
            parts.append(f"{self.valid_on}有效")
        if self.flag:
            parts.append(f"标记={self.flag}")
        return "，".join(parts) or "全部"


# As many as a double holds for certain.
_DIGITS = Context(prec=15)
# By these the open cases can be told apart in the mart that holds them alone (marts/fct_open_case).
_OPEN_COLUMNS = {"department_id", "item_code", "flow_type_name", "alert_state", "is_overdue", "remaining_working_days"}
# Whoever asks for one value of these asks for the others next: one look at the cases answers all.
_FEW_VALUES = {"outcome", "alert_state", "is_decided", "is_open", "is_withdrawn"}
# And of a cohort, for the values of the others too.
_TOGETHER = {
    "received_month": ("outcome", "match_tier", "clock_flags"),
    "accepted_month": ("is_decided", "is_open", "is_withdrawn"),
}
# Columns by which reports slice, in the words of the evidence.
_WORDS = {
    "department_id": "部门",
    "office_name": "科室",
    "stage_number": "阶段",
    "flow_type_name": "流程类型",
    "item_code": "事项",
    "item_version": "事项版本",
    "outcome": "结果",
    "alert_state": "状态",
    "project_code": "项目",
    "match_tier": "归集级别",
    "clock_flags": "计时标记",
    "street": "镇街",
    "due_month": "应办结月",
    "is_decided": "已决定",
    "is_withdrawn": "已撤件",
    "is_open": "在办",
    "is_overdue": "已逾期",
    "item_class": "事项类别",
    "mode_name": "审批方式",
    "kind_name": "类别",
    "source_name": "来源",
    "role_name": "角色",
    "remaining_working_days": "剩余工作日",
}


def _words(value: object, names: Mapping[object, str]) -> str:
    if isinstance(value, tuple):  # several may be called the same
        return "、".join(f"{_word(names.get(one, one))}（{one}）" for one in value)
    return _word(names.get(value, value))


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "是" if value else "否"
    return "空" if value is None else str(value)


def rows(
    period: Period | None = None,
    *,
    valid_on: date | None = None,
    flag: str | None = None,
    by_day: bool = False,
    **equals: object,
) -> Slice:
    """The slice of rows with these column values, in this period, in force on this day, with this clock flag."""
    return Slice(tuple(equals.items()), period, valid_on, flag, by_day=by_day)


@dataclass(frozen=True)
class Snapshot:
    """The build that the figures come from. release: of the newest batch that was read; None if there was none."""

    as_of: date
    release: int | None
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

    @property
    def rest(self) -> Decimal:
        """Of a rate, those that are not in the numerator."""
        return (self.denominator or Decimal(0)) - (self.numerator or Decimal(0))


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


@dataclass(frozen=True)
class Reading:
    """A value read off a mart, which no single aggregate gives. n: the cases or rows it rests on.

    value: None for a number among others that the same query gives. cases: known to lie behind it.
    """

    label: str
    unit: str
    value: Decimal | None
    n: int
    sql: str
    formula: str = "docs/statistics.md"
    cases: tuple[str, ...] = ()


Evidence = Figure | Difference | RelativeChange | Reading


class Figures:
    """Asks the marts for figures, each metric × slice once.

    prefix: of the schemas, where the marts were built beside the real ones; a figure's own SQL never has it.
    """

    def __init__(self, connection: psycopg.Connection, metrics: dict[str, Metric], prefix: str = "") -> None:
        self._connection = connection
        self.schema = f"{prefix}marts"
        self.metrics = metrics
        self._indicators = Indicators(self.read)
        self._open = of_mart(metrics, "fct_open_case")
        self._known: dict[tuple[Metric, Slice], Figure] = {}
        self._grouped: dict[tuple[Metric, tuple[str, ...], Slice], dict[str, dict[object, Figure]]] = {}
        self._excluded: dict[tuple, dict[str, int]] = {}
        self.snapshot = self._snapshot()

    def read(self, statement: str, *parameters: object) -> list[tuple]:
        """The rows of a query about names and dates, in which {marts} stands for the schema."""
        return self._connection.execute(statement.format(marts=self.schema), parameters).fetchall()

    def read_named(self, statement: str, *parameters: object) -> list[dict[str, object]]:
        """The same with the columns' names."""
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement.format(marts=self.schema), parameters).fetchall()

    def reading(self, label: str, unit: str, statement: str, *parameters: object) -> Reading | None:
        """The value and the n that a query gives, which is kept with it; None if it gives no row."""
        rows = self.read(statement, *parameters)
        if not rows:
            return None
        value, n = rows[0]
        return Reading(label, unit, _decimal(value), n, self.said(statement, *parameters))

    def said(self, statement: str, *parameters: object) -> str:
        """The query as its reader would ask the marts."""
        with psycopg.ClientCursor(self._connection) as cursor:
            return cursor.mogrify(statement.format(marts="marts"), parameters)

    def stream(self, statement: sql.Composed) -> Iterator[bytes]:
        """A query's rows as CSV, block by block."""
        with self._connection.cursor().copy(sql.SQL("copy ({}) to stdout with (format csv)").format(statement)) as rows:
            yield from map(bytes, rows)

    def one(self, metric_name: str, where: Slice = rows()) -> Figure:  # noqa: B008 - a frozen value
        """The figure of one metric over one slice. Raises YidangError for a metric that is not defined."""
        metric = self._metric(metric_name)
        key = (metric, where)
        if key not in self._known:
            held = _can_be_held(where) and self._indicators.one(metric, *_days(where), where.equals)
            if held:
                self._keep(metric, where, held)
            else:
                is_empty = False
                if len(where.equals) == 1 and where.equals[0][0] in _FEW_VALUES:
                    column, value = where.equals[0]
                    is_empty = value not in self.by(metric_name, column, replace(where, equals=()))
                if key not in self._known:
                    asked = _select(self.smallest(metric, where), where, self.schema, nothing=is_empty)
                    row = self._connection.execute(asked).fetchone()
                    self._known[key] = self._figure(metric, where, row)
        return self._known[key]

    def by(
        self,
        metric_name: str,
        column: str,
        where: Slice = rows(),  # noqa: B008
        mart: str | None = None,
    ) -> dict[object, Figure]:
        """The figures of one metric for each value of `column` that occurs in the slice, in the column's order.

        One query; every figure still carries the statement that gives it alone. mart: a small mart that the metric can
        be read off too (metrics.of_mart).
        """
        metric = of_mart(self.metrics, mart)[metric_name] if mart else self._metric(metric_name)
        if not mart and _can_be_held(where):
            held = self._indicators.by(metric, column, *_days(where), where.equals)
            if held is not None:
                return {
                    value: self._keep(metric, where.and_where(**{column: value}), one) for value, one in held.items()
                }
        asked = self.smallest(metric, where.and_where(**{column: None}))
        columns = _asked_together(asked, column)
        key = (metric, columns, where)
        if key not in self._grouped:
            found: dict[str, dict[object, Figure]] = {one: {} for one in columns}
            statement = _select(asked, where, self.schema, group_by=columns)
            for *values, which, value, n, numerator, denominator, low, high in self._connection.execute(statement):
                # a bit is set for each column by which the row is not grouped
                (place,) = (i for i in range(len(columns)) if not which >> (len(columns) - 1 - i) & 1)
                part = where.and_where(**{columns[place]: values[place]})
                figure = self._figure(metric, part, (value, n, numerator, denominator, low, high))
                found[columns[place]][values[place]] = self._known.setdefault((metric, part), figure)
            self._grouped[key] = found
        return dict(self._grouped[key][column])

    def each(self, metric_name: str, column: str, values: Iterable[object], where: Slice = rows()) -> dict:  # noqa: B008
        """As `by`, for exactly these values: one that does not occur gets the figure of an empty slice."""
        found = self.by(metric_name, column, where)
        return {
            value: found[value] if value in found else self.one(metric_name, where.and_where(**{column: value}))
            for value in values
        }

    def _snapshot(self) -> Snapshot:
        found = self.read("select as_of, release_number, calendar_version, rule_version from {marts}.dim_build")
        if not found:
            raise YidangError("The marts hold no build.", "Run `yidang build`.")
        return Snapshot(*found[0])

    def _metric(self, name: str) -> Metric:
        try:
            return self.metrics[name]
        except KeyError:
            raise YidangError(
                f"The report needs the metric {name}, which is not defined.",
                f"Defined are: {', '.join(sorted(self.metrics))}.",
            ) from None

    def excluded(self, figure: Figure) -> dict[str, int]:
        """How many rows of the slice are not among the n, by reason: each under its first reason only."""
        metric, where = figure.metric, figure.where
        if not metric.exclusions:
            return {}
        # a withdrawal has no day of decision: it is dated as the cohort is
        dated = replace(metric, period=replace(metric.period, date_column=metric.period.cohort_column))
        key = _excluded_key(metric, where)
        if key not in self._excluded:
            columns = [sql.SQL(reason.sql) for reason in metric.exclusions]
            row = self._connection.execute(_from(dated, where, columns, self.schema)).fetchone()
            counts = zip((reason.name for reason in metric.exclusions), row, strict=True)
            self._excluded[key] = {name: count for name, count in counts if count}
        return self._excluded[key]

    def smallest(self, metric: Metric, where: Slice) -> Metric:
        """The metric read off the mart of the open cases alone, where it counts these and the mart has the columns."""
        columns = {column for column, _ in where.equals} | ({where.known} if where.known else set())
        can = where.period is None and where.flag is None and columns <= _OPEN_COLUMNS
        return self._open.get(metric.name, metric) if can and self.metrics.get(metric.name) is metric else metric

    def _keep(self, metric: Metric, where: Slice, held: Held) -> Figure:
        low, high = held.interval or (None, None)
        row = (held.value, held.n, held.numerator, held.denominator, low, high)
        self._known[metric, where] = self._figure(metric, where, row)
        self._excluded[_excluded_key(metric, where)] = {
            reason.name: held.excluded[reason.name] for reason in metric.exclusions if held.excluded.get(reason.name)
        }
        return self._known[metric, where]

    def _figure(self, metric: Metric, where: Slice, row: tuple) -> Figure:
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
            sql=_select(metric, where).as_string(self._connection),
        )


def _excluded_key(metric: Metric, where: Slice) -> tuple:
    """What counts the same rows for the same reasons counts them once."""
    return metric.model, tuple(reason.sql for reason in metric.exclusions), metric.period.cohort_column, where


def _asked_together(metric: Metric, column: str) -> tuple[str, ...]:
    """The column, and those of which the same look at the cases tells as well."""
    together = _TOGETHER.get(metric.date_column, ()) if metric.is_count else ()
    return together if column in together and metric.model == "fct_item_instance" else (column,)


def _can_be_held(where: Slice) -> bool:
    return where.valid_on is None and where.flag is None and where.known is None and not where.by_day


def _days(where: Slice) -> tuple[date | None, date | None]:
    return (where.period.first, where.period.last) if where.period else (None, None)


# -- SQL -------------------------------------------------------------------------------------------------
def _select(
    metric: Metric, where: Slice, schema: str = "marts", group_by: Sequence[str] = (), *, nothing: bool = False
) -> sql.Composed:
    """group_by: of each of these columns the values one by one, each row with the columns and their grouping().

    nothing: of no row, which gives the figure of an empty slice.
    """
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
    if not group_by:
        return _from(metric, where, columns, schema, nothing=nothing)
    names = [sql.Identifier(column) for column in group_by]
    listed = sql.SQL(", ").join(names)
    statement = _from(metric, where, [*names, sql.SQL("grouping({})").format(listed), *columns], schema)
    sets = sql.SQL(", ").join(sql.SQL("({})").format(name) for name in names)
    return statement + sql.SQL(" group by grouping sets ({}) order by {}").format(sets, listed)


def _from(
    metric: Metric, where: Slice, columns: Sequence[sql.Composable], schema: str, *, nothing: bool = False
) -> sql.Composed:
    statement = sql.SQL("select {} from {}").format(sql.SQL(", ").join(columns), sql.Identifier(schema, metric.model))
    if found := [sql.SQL("false")] if nothing else conditions(metric, where):
        statement += sql.SQL(" where ") + sql.SQL(" and ").join(found)
    return statement


def conditions(metric: Metric, where: Slice) -> list[sql.Composed]:
    """SQL that holds for the rows of the slice."""
    found = [_holds(column, value) for column, value in where.equals]
    if where.known:
        found.append(sql.SQL("{} is not null").format(sql.Identifier(where.known)))
    if where.period:
        dated = re.sub("_month$", "_date", metric.date_column) if where.by_day else metric.date_column
        bounds = (sql.Identifier(dated), sql.Literal(where.period.first), sql.Literal(where.period.last))
        found.append(sql.SQL("{} between {} and {}").format(*bounds))
    if where.valid_on:
        template = sql.SQL("daterange(effective_from, effective_to, '[]') @> {}")
        found.append(template.format(sql.Literal(where.valid_on)))
    if where.flag:
        found.append(sql.SQL("{} = any(string_to_array(clock_flags, '|'))").format(sql.Literal(where.flag)))
    return found


def _holds(column: str, value: object) -> sql.Composed:
    name = sql.Identifier(column)
    if value is None:
        return sql.SQL("{} is null").format(name)
    if isinstance(value, tuple):
        return sql.SQL("{} in ({})").format(name, sql.SQL(", ").join(map(sql.Literal, value)))
    return sql.SQL("{} = {}").format(name, sql.Literal(value))


def _decimal(value: object) -> Decimal | None:
    """The same number whether it came as a numeric or as a double."""
    return None if value is None else _DIGITS.create_decimal(str(value)).normalize()


def _month_before(day: date) -> date:
    """The last day of the month before."""
    return day.replace(day=1) - timedelta(days=1)


def _year_before(day: date) -> date:
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return day.replace(year=day.year - 1, day=28)
