"""What a template's tags give: numbers that know their n and their past, lines of league tables, named tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from yidang.reports.annexes import DEFINITIONS, definitions
from yidang.reports.blocks import Block, Cited, Text
from yidang.reports.figures import Figure, Figures, Slice
from yidang.reports.marks import Caption, Late, Marks, Reference
from yidang.reports.prose import amount, change, chinese_date, cite, moved_by, n_of, percent, unit_of
from yidang.reports.source import Source
from yidang.reports.template import FillError
from yidang.reports.words import REFUSED, Words, did_you_mean


class Spoken:
    """Prints itself in a template; what it prints stays tied to its figures."""

    def __init__(self, marks: Marks, text: Text) -> None:
        self._marks, self._text = marks, text

    def __str__(self) -> str:
        return self._marks.text(self._text)

    def __bool__(self) -> bool:
        return bool(self._text)


class Lazily:
    """A text or list that is asked of the marts only by a template that uses it."""

    def __init__(self, make: Callable[[], str | list]) -> None:
        self._make = cache(make)

    def __str__(self) -> str:
        return str(self._make())

    def __bool__(self) -> bool:
        return bool(self._make())

    def __iter__(self) -> Iterator:
        return iter(self._make())


class Moved(Spoken):
    """同比 or 环比 as a clause; 上升, 下降, 持平 and 可比 decide a sentence, 幅度 is the movement alone."""

    def __init__(self, marks: Marks, later: Figure, earlier: Figure | None, word: str, then: str) -> None:
        super().__init__(marks, change(later, earlier, word, then))
        moved = moved_by(later, earlier)
        self.幅度 = Spoken(marks, moved or ("—",))
        self.可比 = bool(moved)
        self.持平 = moved == ("持平",)
        self.上升 = self.可比 and not self.持平 and moved[0] in ("增长", "上升", "增加")
        self.下降 = self.可比 and not self.持平 and not self.上升


class Said(Spoken):
    """A metric over a slice, as prose: 95.3%, 6.5个工作日, 812件; 样本不足 where the cases are too few."""

    def __init__(self, marks: Marks, figure: Figure, past: Callable[[str], Figure | None] | None) -> None:
        super().__init__(marks, (cite(figure), unit_of(figure)))
        self._figure, self._past = figure, past
        self.数 = Spoken(marks, (cite(figure),))
        self.n = Spoken(marks, (n_of(figure),))
        self.样本 = Spoken(marks, ("（样本数", n_of(figure), "）"))
        self.不足 = figure.is_small

    @property
    def 分子(self) -> Spoken:  # noqa: N802
        """Of a rate: how many there are, which is true of any number of them. 分母: of how many; 其余: the others."""
        return self._part(self._figure.numerator)

    @property
    def 分母(self) -> Spoken:  # noqa: N802
        return self._part(self._figure.denominator)

    @property
    def 其余(self) -> Spoken:  # noqa: N802
        return self._part(self._figure.rest)

    @property
    def 有(self) -> bool:  # noqa: N802
        """Whether anything was counted: a district without such records says nothing, or 无记录."""
        return self._figure.n > 0

    def _part(self, value: Decimal | None) -> Spoken:
        if self._figure.metric.denominator_sql is None:
            raise FillError(f"“{self._figure.metric.label}”不是比率，没有分子和分母。", "去掉 .分子、.分母 或 .其余。")
        return Spoken(self._marks, (Cited(amount(value or Decimal(0)), self._figure),))

    @property
    def 值(self) -> Decimal:  # noqa: N802 - the template's word
        """For comparisons, as printed: per cent or days."""
        if self.不足 or self._figure.value is None:
            raise FillError(
                f"“{self._figure.metric.label}”在这里样本不足（样本数{self._figure.n}），不能比大小。",
                "先问 .不足，如 {% if not 率.不足 and 率.值 > 90 %}。",
            )
        is_rate = self._figure.metric.format.endswith("%")
        return percent(self._figure) if is_rate else self._figure.value

    @property
    def 区间(self) -> Spoken:  # noqa: N802
        """The 95 % interval of a rate that league tables rank by."""
        if self.不足 or self._figure.interval is None:
            return Spoken(self._marks, ("—",))
        low, high = (f"{100 * bound:.1f}%" for bound in self._figure.interval)
        return Spoken(self._marks, (Cited(f"{low}～{high}", self._figure),))

    @property
    def 同比(self) -> Moved:  # noqa: N802
        return Moved(self._marks, self._figure, self._before("year"), "同比", "上年同期")

    @property
    def 环比(self) -> Moved:  # noqa: N802
        earlier = self._before("period")
        period = earlier and earlier.where.period
        is_month = period is not None and (period.last - period.first).days < 31
        return Moved(self._marks, self._figure, earlier, "环比", "上月" if is_month else "上期")

    def _before(self, which: str) -> Figure | None:
        if self._past is None:
            raise FillError(f"“{self._figure.metric.label}”在这里没有期间，不能同比、环比。", "去掉 .同比 或 .环比。")
        return self._past(which)


class Ordinals:
    """一是, 二是 … of one paragraph after the other, so that a part which drops out leaves no gap."""

    def __init__(self) -> None:
        self._said: Counter[str] = Counter()

    def __call__(self, group: str) -> str:
        self._said[group] += 1
        return f"{'一二三四五六七八九'[self._said[group] - 1]}是"


@dataclass(frozen=True)
class Rank:
    """One line of a league table. key: by which it can be sliced again (部门=行)."""

    名次: str
    名称: str
    值: Said
    key: object

    @property
    def 不足(self) -> bool:  # noqa: N802
        return self.值.不足


class Speaker:
    """Makes the names that a template may use."""

    def __init__(
        self, source: Source, words: Words, marks: Marks, pieces: dict[str, Callable[[Source], Block]]
    ) -> None:
        self._source, self._words, self._marks, self._pieces = source, words, marks, pieces

    @property
    def _figures(self) -> Figures:
        return self._source.figures

    def names(self) -> dict[str, object]:
        return {
            "指标": self.metric,
            "排名": self.ranking,
            "部门列表": self.departments(),
            "表": self.piece,
            "图": self.piece,
            "表题": lambda text: self._marks.mark(Caption(text)),
            "见": lambda text: self._marks.mark(Reference(text)),
            "日期": chinese_date,
            "几是": Ordinals(),
        }

    def metric(self, name: str, **said: object) -> Spoken:
        """指标("按时办结率", 部门="住建局", 年=2025)"""
        if name in REFUSED:
            return Spoken(self._marks, (f"（不作统计：{REFUSED[name]}）",))
        metric = self._words.metric(name)
        where = self._words.slice(metric, said)
        return self._said(metric.name, where)

    def _said(self, metric: str, where: Slice) -> Said:
        figure = self._figures.one(metric, where)
        if where.period is None and where.valid_on is None:
            return Said(self._marks, figure, None)

        def past(which: str) -> Figure | None:
            earlier = where.before(which)
            return earlier and self._figures.one(metric, earlier)

        return Said(self._marks, figure, past)

    def ranking(self, name: str, **said: object) -> list[Rank]:
        """Departments by a rate, best first; too few cases last and without a place. Equal values share a place."""
        metric = self._words.metric(name)
        where = self._words.slice(metric, said)
        ids = {department.department_id: department.name for department in self._source.departments}
        figures = self._figures.each(metric.name, "department_id", ids, where)
        order = sorted(ids, key=lambda key: (figures[key].is_small, -(figures[key].value or 0), key))
        lines, place, last = [], 0, None
        for number, key in enumerate(order, start=1):
            figure = figures[key]
            shown = cite(figure).text
            if shown != last:
                place, last = number, shown
            spoken = self._said(metric.name, where.and_where(department_id=key))
            lines.append(Rank("—" if figure.is_small else str(place), ids[key], spoken, key))
        return lines

    def departments(self) -> list[Department]:
        return [Department(d.department_id, d.name) for d in self._source.departments]

    def piece(self, name: str) -> str:
        """A table or chart that Yidang draws, by its caption."""
        if name == DEFINITIONS:
            return self._marks.mark(Late(name, definitions))
        if name not in self._pieces:
            raise FillError(f"没有“{name}”这张表或图。", did_you_mean(name, (*self._pieces, DEFINITIONS)))
        block = self._pieces[name](self._source)
        return self._marks.mark(block)


@dataclass(frozen=True)
class Department:
    key: str
    名称: str
