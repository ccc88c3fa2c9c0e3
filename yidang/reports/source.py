"""What the sections of the annual report draw from, and how figures become rows of bars."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from yidang.reports.blocks import Series
from yidang.reports.facts import Department, Reform
from yidang.reports.figures import Figure, Figures, Period, Slice, rows
from yidang.reports.prose import cite, is_rate, percent, written

# alert_state and what it is called; what the marts call none is in order only where a limit is known and runs
ALERTS = {"overdue": "已逾期", "warn": "临期预警", "paused": "暂停计时", "none": "正常", "unjudged": "无时限或不能判定"}


@dataclass(frozen=True)
class Source:
    """What the outline draws from."""

    figures: Figures
    departments: tuple[Department, ...]
    reforms: tuple[Reform, ...]
    period: Period
    records_from: date
    calendar: Period
    silent: tuple[tuple[str, date], ...] = ()

    @property
    def before(self) -> Period | None:
        """The same months a year earlier; None while the last of them is not over."""
        return self.period.a_year_before() if self.period.is_whole_months else None

    @property
    def as_of(self) -> date:
        return self.figures.snapshot.as_of

    @property
    def span(self) -> str:
        """2025年, or 2025年1月1日至6月30日 when the year is not over."""
        year, last = self.period.first.year, self.period.last
        return f"{year}年" if (last.month, last.day) == (12, 31) else f"{year}年1月1日至{last.month}月{last.day}日"

    @property
    def months(self) -> str:
        """2025年, or 2025年1月至6月 when the year is not over: of a title."""
        year, last = self.period.first.year, self.period.last
        return f"{year}年" if (last.month, last.day) == (12, 31) else f"{year}年1月至{last.month}月"

    @property
    def unjudged(self) -> Figure:
        """Open cases that run outside the working calendar and are not late for certain: nobody can tell yet."""
        return self.figures.one("cases_open", rows(flag="CAL_UNAVAILABLE", is_overdue=False))

    @property
    def starts_with_records(self) -> bool:
        """Whether the year before is the first of the records, so that growth is partly growth of the records."""
        return self.before is not None and self.before.first <= self.records_from <= self.before.last

    def now_and_before(self, metric: str, **equals: object) -> tuple[Figure, Figure | None]:
        """The figure of the period, and of the same months a year earlier (None while they cannot be compared)."""
        return (
            self.figures.one(metric, rows(self.period, **equals)),
            self.figures.one(metric, rows(self.before, **equals)) if self.before else None,
        )

    def each_before(self, metric: str, column: str, values: Iterable[object]) -> dict[object, Figure | None]:
        """As Figures.each, of the same months a year earlier (None while they cannot be compared)."""
        if self.before is None:
            return dict.fromkeys(values)
        return self.figures.each(metric, column, values, rows(self.before))

    def now(self, metric: str, **equals: object) -> Figure:
        """The figure of the period."""
        return self.figures.one(metric, rows(self.period, **equals))

    def by_department(self, metric: str, period: Period | None) -> dict[str, Figure]:
        """Department id → figure, for every department; period None means every date."""
        ids = [department.department_id for department in self.departments]
        return self.figures.each(metric, "department_id", ids, rows(period))


def in_state(where: Slice, state: str) -> Slice:
    """The open cases in one of ALERTS."""
    if state == "unjudged":
        return where.and_where(alert_state="none", remaining_working_days=None)
    where = where.and_where(alert_state=state)
    return replace(where, known="remaining_working_days") if state == "none" else where


def series_of(name: str, figures: list[Figure | None], *, with_size: bool = False) -> Series:
    """Bars or points of these figures; small groups have none, and say so in the label. None: nothing to compare."""
    return Series(
        name, tuple(_height(figure) for figure in figures), tuple(_label(figure, with_size) for figure in figures)
    )


def remainder(name: str, figures: list[Figure]) -> Series:
    """What a compression rate leaves of 100."""
    heights = [None if figure.is_small else float(100 - percent(figure)) for figure in figures]
    return Series(
        name, tuple(heights), tuple("样本\n不足" if height is None else f"{height:.0f}" for height in heights)
    )


def _height(figure: Figure | None) -> float | None:
    if figure is None or figure.is_small:
        return None
    return float(percent(figure)) if is_rate(figure) else float(figure.value)


def _label(figure: Figure | None, with_size: bool) -> str:
    if figure is None:
        return ""
    text = cite(figure).text if figure.is_small else written(figure).removesuffix("%")
    return f"{text}（n={figure.n}）" if with_size else text
