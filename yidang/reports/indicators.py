"""Figures that the mart agg_indicator holds already, so that a report need not go through every case for each of them.

What it cannot say (two columns at once, days that are no whole months, a percentile over several months) is None: it is
counted from the cases then. tests/test_reports.py holds every printed number to its own SQL over the cases.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property

from yidang.metrics import Metric

STAGES = {1: "立项用地规划许可", 2: "工程建设许可", 3: "施工许可", 4: "竣工验收", 5: "并行推进"}
_DISTRICT = ("district", None)
_NOT_SAID = "未标明"
_HELD = """
select period_grain, period_start, dimension, slice, n, value, numerator, denominator, wilson_low, wilson_high, excluded
from {marts}.agg_indicator
where metric = %s and dimension in ('district', 'department', 'stage', 'flow_type')
"""
_COLUMNS = """
select table_name, column_name from information_schema.columns
where table_schema = '{marts}' and column_name = any(%s)
"""
_DEPARTMENTS = "select department_id, department_name from {marts}.dim_department"
DIMENSIONS = {"department_id": "department", "stage_number": "stage", "flow_type_name": "flow_type"}


@dataclass(frozen=True)
class Held:
    """What is held of one metric for a period and a part of the district."""

    value: Decimal | None
    n: int
    numerator: Decimal | None = None
    denominator: Decimal | None = None
    interval: tuple[float, float] | None = None
    excluded: dict[str, int] = field(default_factory=dict)


class Indicators:
    """read: runs a query in which {marts} stands for the schema, with its parameters."""

    def __init__(self, read: Callable[..., list[tuple]]) -> None:
        self._read = read
        self._held: dict[str, dict[tuple, Held]] = {}

    def one(self, metric: Metric, first: date | None, last: date | None, equals: tuple) -> Held | None:
        """The figure between two days (None: of a metric that has no period) where these columns have these values."""
        part = self._part(metric, equals)
        periods = _periods(metric, first, last)
        return None if part is None or periods is None else self._together(metric, periods, part)

    def by(
        self, metric: Metric, column: str, first: date | None, last: date | None, equals: tuple
    ) -> dict[object, Held] | None:
        """The figures for each value of a column that any counted row has."""
        periods = _periods(metric, first, last)
        if periods is None:
            return None
        if column == metric.date_column and first:
            part = self._part(metric, equals)
            cells = {month: ([("month", month)], part) for month in _months(first, last)}
        elif column in DIMENSIONS and not equals:
            cells = {value: (periods, self._part(metric, ((column, value),))) for value in self._values(metric, column)}
        else:
            return None
        found = {}
        for value, (cell_periods, part) in cells.items():
            if part is None:
                return None
            held = self._together(metric, cell_periods, part)
            if held is None and any((period, part) in self._of(metric) for period in cell_periods):
                return None
            if held is not None and held.n:
                found[value] = held
        return found

    def _together(self, metric: Metric, periods: list[tuple], part: tuple) -> Held | None:
        found = [held for period in periods if (held := self._of(metric).get((period, part)))]
        if len(periods) > 1:
            return _sum(metric, found) if found else None
        # of fewer than ten the mart keeps the parts and no value; of none there is none
        return found[0] if found and (found[0].value is not None or found[0].n == 0) else None

    def _values(self, metric: Metric, column: str) -> list[object]:
        if column != "flow_type_name":
            return sorted(self._names(column))
        names = {name for _, (dimension, name) in self._of(metric) if dimension == "flow_type"}
        return [*sorted(names - {_NOT_SAID}), *([None] if _NOT_SAID in names else [])]

    def _part(self, metric: Metric, equals: tuple) -> tuple[str, str | None] | None:
        """Which part of the district these columns and values mean; None where the mart is not split that way."""
        if not equals:
            return _DISTRICT
        (column, value), *others = equals
        dimension = DIMENSIONS.get(column)
        if others or dimension not in metric.slices or (metric.model, column) not in self._columns:
            return None
        if value is None:
            return dimension, _NOT_SAID
        name = value if column == "flow_type_name" else self._names(column).get(value)
        return None if name is None else (dimension, name)

    @cached_property
    def _columns(self) -> set[tuple[str, str]]:
        """Which marts have which of the columns: a figure is held only if its own SQL over the mart gives it too."""
        return set(self._read(_COLUMNS, list(DIMENSIONS)))

    def _names(self, column: str) -> dict[object, str]:
        return STAGES if column == "stage_number" else self._departments

    @cached_property
    def _departments(self) -> dict[str, str]:
        names = dict(self._read(_DEPARTMENTS))
        # two that are called the same are one slice there
        times = Counter(names.values())
        return {department: name for department, name in names.items() if times[name] == 1}

    def _of(self, metric: Metric) -> dict[tuple, Held]:
        if metric.name not in self._held:
            held = {}
            for grain, start, dimension, name, n, value, numerator, denominator, low, high, excluded in self._read(
                _HELD, metric.name
            ):
                interval = None if low is None else (low, high)
                part = _DISTRICT if dimension == "district" else (dimension, name)
                held[(grain, start), part] = Held(value, n, numerator, denominator, interval, excluded)
            self._held[metric.name] = held
        return self._held[metric.name]


def _periods(metric: Metric, first: date | None, last: date | None) -> list[tuple[str, date | None]] | None:
    """The periods of the mart that make up these days; None where none do."""
    if first is None:
        return [("all", None)] if metric.is_standing and metric.period.scope is None else None
    if first.day != 1 or last != month_end(last):
        return None
    if (first.month, last.month, first.year) == (1, 12, last.year):
        return [("year", first)]
    return [("month", month) for month in _months(first, last)]


def _sum(metric: Metric, parts: list[Held]) -> Held | None:
    """Several months together, where the whole follows from them."""
    excluded: dict[str, int] = {}
    for part in parts:
        for reason, count in part.excluded.items():
            excluded[reason] = excluded.get(reason, 0) + count
    n = sum(part.n for part in parts)
    if metric.no_data:
        return None
    if metric.is_count and metric.total_sql and all(part.value is not None for part in parts):
        return Held(sum((part.value for part in parts), Decimal(0)), n, excluded=excluded)
    if metric.denominator_sql is None or any(part.numerator is None for part in parts):
        return None
    top, bottom = (sum((getattr(part, name) for part in parts), Decimal(0)) for name in ("numerator", "denominator"))
    if not bottom:
        return None
    interval = None
    if metric.is_ranked:
        from yidang.wilson import wilson  # brings numpy

        interval = tuple(map(float, wilson(float(top / bottom), float(bottom))))
    return Held(top / bottom, n, top, bottom, interval, excluded)


def _months(first: date, last: date) -> list[date]:
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    places = (first.year * 12 + first.month - 1 + place for place in range(count))
    return [date(place // 12, place % 12 + 1, 1) for place in places]


def month_end(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
