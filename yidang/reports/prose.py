"""Numbers as Chinese official documents write them. Every printed number stays tied to its figure."""

from __future__ import annotations

from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from string import Formatter

from yidang.reports.blocks import Cited, Text
from yidang.reports.figures import Difference, Figure, RelativeChange, is_count

TOO_FEW = "样本不足"
NO_VALUE = "—"
_ONE_DECIMAL = Decimal("0.1")


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
    """Counts as integers, rates as 95.3%, durations with one decimal; 样本不足 below the minimum n."""
    if figure.is_small:
        return Cited(TOO_FEW, figure)
    return Cited(written(figure), figure)


def cell(figure: Figure) -> Text:
    """The same for a table, where a slice without any case is a dash."""
    if not is_count(figure.metric) and figure.n == 0:
        return (Cited(NO_VALUE, figure),)
    return (cite(figure),)


def n_of(figure: Figure) -> Cited:
    """The number of cases behind a figure."""
    return Cited(str(figure.n), figure)


def with_n(figure: Figure) -> Text:
    """`95.3%（n=812）`; a small group says how small it is."""
    return (cite(figure), "（n=", n_of(figure), "）")


def written(figure: Figure) -> str:
    """The value alone, rounded half up as an office does."""
    if is_count(figure.metric):
        return str(_rounded(figure.value or Decimal(0), Decimal(1)))
    if is_rate(figure):
        return f"{percent(figure)}%"
    return str(_rounded(figure.value, _ONE_DECIMAL))


def is_rate(figure: Figure) -> bool:
    return figure.metric.format == "percent"


def percent(figure: Figure) -> Decimal:
    """A rate in per cent with one decimal."""
    return _rounded(figure.value * 100, _ONE_DECIMAL)


def change(later: Figure, earlier: Figure) -> Text:
    """The change since the same days of the year before, with the earlier value and its n.

    Counts change by per cent, rates by 百分点, durations by days. An earlier zero or a small group gives no change.
    """
    moved = moved_by(later, earlier)
    unit = "" if is_rate(earlier) or earlier.is_small else earlier.metric.unit
    n = () if is_count(earlier.metric) else ("，n=", n_of(earlier))
    return ("同比" if moved else "", *(moved or ("同比不作比较",)), "（上年同期", cite(earlier), unit, *n, "）")


def moved_by(later: Figure, earlier: Figure) -> Text:
    """`上升1.2个百分点`, `增长8.3%`, `减少0.5个工作日` or `持平`; empty where nothing can be compared.

    The change of a rate or a duration is that of the printed values, so that readers who subtract them agree.
    """
    if later.is_small or earlier.is_small or not earlier.value:
        return ()
    if is_count(later.metric):
        share = (later.value - earlier.value) / earlier.value
        shown, words = _rounded(share * 100, _ONE_DECIMAL), ("增长", "下降", "%")
        source = RelativeChange(later, earlier, share)
    elif is_rate(later):
        shown, words = percent(later) - percent(earlier), ("上升", "下降", "个百分点")
        source = Difference(later, earlier, shown / 100)
    else:
        shown = _rounded(later.value, _ONE_DECIMAL) - _rounded(earlier.value, _ONE_DECIMAL)
        words = ("增加", "减少", later.metric.unit)
        source = Difference(later, earlier, shown)
    up, down, unit = words
    return (up if shown > 0 else down, Cited(str(abs(shown)), source), unit) if shown else ("持平",)


def chinese_date(day: date) -> str:
    """2025年3月3日"""
    return f"{day.year}年{day.month}月{day.day}日"


def _rounded(value: Decimal, step: Decimal) -> Decimal:
    return value.quantize(step, rounding=ROUND_HALF_UP)
