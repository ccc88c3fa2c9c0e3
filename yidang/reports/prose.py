"""Numbers as Chinese official documents write them. Every printed number stays tied to its figure."""

from __future__ import annotations

from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from string import Formatter

from yidang.metrics import CENSUS_GRAIN, MINIMUM_N
from yidang.reports.blocks import Cited, Text
from yidang.reports.figures import Difference, Figure, RelativeChange

TOO_FEW = "样本不足"
NO_VALUE = "—"
_ONE_DECIMAL = Decimal("0.1")
_WAN, _YI = Decimal(10_000), Decimal(100_000_000)


def say(template: str, **parts: Figure | Cited | Text | str) -> Text:
    """Fill a sentence: a figure is printed by its format, a text is spliced in. `{}` names must all be given."""
    said: list = []
    for literal, name, _, _ in Formatter().parse(template):
        if literal:
            said.append(literal)
        if name is None:
            continue
        part = parts[name]
        if isinstance(part, Figure):
            said.append(cite(part))
        elif isinstance(part, tuple):
            said.extend(part)
        else:
            said.append(part)
    return tuple(said)


def cite(figure: Figure) -> Cited:
    """Counts as integers (from ten thousand in 万), rates as 95.3%, durations with one decimal; 样本不足 at small n."""
    if figure.is_small:
        return Cited(TOO_FEW, figure)
    text = written(figure)
    if figure.metric.is_count and (figure.value or 0) >= _WAN:
        text = _two_decimals(figure.value / _WAN) if figure.metric.unit == "万元" else _in_ten_thousands(figure.value)
    return Cited(text if is_rate(figure) else text.removesuffix(".0"), figure)


def cell(figure: Figure | None) -> Text:
    """The same for a table: always with its decimal, and a dash for a slice without any case, or nothing to compare."""
    if figure is None:
        return (NO_VALUE,)
    if figure.is_small:
        return (Cited(TOO_FEW if figure.n else NO_VALUE, figure),)
    return (Cited(written(figure), figure),)


def amount(value: Decimal) -> str:
    """How many, without a unit: an integer, from ten thousand in 万."""
    return _in_ten_thousands(value) if value >= _WAN else str(_rounded(value, Decimal(1)))


def n_of(figure: Figure) -> Cited:
    """The number of cases behind a figure."""
    return Cited(str(figure.n), figure)


def with_n(figure: Figure) -> Text:
    """`95.3%（样本数812）`, `6.5个工作日（样本数812）`; a small group says how small it is."""
    return (cite(figure), unit_of(figure), "（样本数", n_of(figure), "）")


def written(figure: Figure) -> str:
    """The value alone, rounded half up as an office does."""
    if figure.value is None:
        return NO_VALUE
    if figure.metric.is_count:
        return str(_rounded(figure.value, Decimal(1)))
    if is_rate(figure):
        return f"{percent(figure)}%"
    return str(_rounded(figure.value, _ONE_DECIMAL))


def is_rate(figure: Figure) -> bool:
    return figure.metric.format.endswith("%")


def percent(figure: Figure) -> Decimal:
    """A rate in per cent with one decimal."""
    return _rounded(figure.value * 100, _ONE_DECIMAL)


def change(later: Figure, earlier: Figure | None, word: str = "同比", then: str = "上年同期") -> Text:
    """The change since an earlier period, with the earlier value and its n; earlier: None of a month that is not over.

    Counts change by per cent, rates by 百分点, durations by days. Nothing changes from zero or from a small group.
    word, then: what such a change and the earlier period are called.
    """
    if earlier is None:
        return (f"{word}不作比较（{later.where.period.last.month}月未完）",)
    moved = moved_by(later, earlier)
    if not moved and earlier.metric.is_count:
        return (f"{then}为", cite(earlier), unit_of(earlier))
    if not moved and earlier.n == 0:
        return (then, Cited("无数据", earlier))
    n = () if earlier.metric.is_count else ("，样本数", n_of(earlier))
    return (word, *(moved or ("不作比较",)), f"（{then}", cite(earlier), unit_of(earlier), *n, "）")


def moved_by(later: Figure, earlier: Figure | None) -> Text:
    """`上升1.2个百分点`, `增长8.3%`, `减少0.5个工作日` or `持平`; empty where nothing can be compared.

    The change of a rate or a duration is that of the printed values, so that readers who subtract them agree.
    """
    if earlier is None or later.is_small or earlier.is_small or not earlier.value or _is_small_count(earlier):
        return ()
    if later.metric.is_count:
        share = (later.value - earlier.value) / earlier.value
        shown, words = _rounded(share * 100, _ONE_DECIMAL), ("增长", "下降", "%")
        source = RelativeChange(later, earlier, share)
    elif is_rate(later):
        shown, words = percent(later) - percent(earlier), ("上升", "下降", "个百分点")
        source = Difference(later, earlier, shown / 100)
    else:
        shown = _rounded(later.value, _ONE_DECIMAL) - _rounded(earlier.value, _ONE_DECIMAL)
        words = ("增加", "减少", unit_of(later))
        source = Difference(later, earlier, shown)
    up, down, unit = words
    if not shown:
        return ("持平",)
    text = str(abs(shown)) if unit in ("%", "个百分点") else str(abs(shown)).removesuffix(".0")
    return (up if shown > 0 else down, Cited(text, source), unit)


def chinese_date(day: date) -> str:
    """2025年3月3日"""
    return f"{day.year}年{day.month}月{day.day}日"


def _is_small_count(figure: Figure) -> bool:
    """A count of cases too small for a percentage of it; the catalogue's sums are what they are."""
    return figure.metric.is_count and figure.metric.grain != CENSUS_GRAIN and figure.n < MINIMUM_N


def unit_of(figure: Figure) -> str:
    """The unit that follows the printed value; the per cent sign is part of the value."""
    if is_rate(figure) or figure.is_small:
        return ""
    if figure.metric.unit == "万元" and (figure.value or 0) >= _WAN:
        return "亿元"  # as `cite` writes it: ten thousand times 万元
    return f"个{figure.metric.unit}" if figure.metric.unit in ("工作日", "自然日") else figure.metric.unit


def tenth(value: Decimal) -> str:
    """With one decimal, rounded half up; zero has no sign."""
    return str(_rounded(value, _ONE_DECIMAL) + 0)


def _in_ten_thousands(value: Decimal) -> str:
    """1.23万, 1.2亿: two decimals at most, none that is zero."""
    unit, word = (_YI, "亿") if value >= _YI else (_WAN, "万")
    return f"{_two_decimals(value / unit)}{word}"


def _two_decimals(value: Decimal) -> str:
    return str(_rounded(value, Decimal("0.01"))).rstrip("0").rstrip(".")


def _rounded(value: Decimal, step: Decimal) -> Decimal:
    return value.quantize(step, rounding=ROUND_HALF_UP)
