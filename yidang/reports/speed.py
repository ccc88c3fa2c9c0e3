"""Tables and charts of honest speed: how soon cases were decided, against the year before, and beside the naive figure.

Read off the marts of yidang.statistics, which count open and withdrawn cases for what they are (docs/statistics.md).
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from yidang.reports.blocks import Chart, Cited, Series, Table, Text
from yidang.reports.figures import Reading
from yidang.reports.prose import NO_VALUE, TOO_FEW, percent, tenth
from yidang.reports.source import Source

CURVES = "受理后各工作日累计办结比例"
YEAR_ON_YEAR = "与基期可比的办理用时（单位：工作日）"
NAIVE = "朴素数与本报告数对照（单位：工作日）"
WATERFALL = "法定、承诺、实际用时对比（法定时限=100）"
# Beyond six weeks the curves are flat.
_CURVE_DAYS = 30
_SLICES = {"all": "全部", "stage": "阶段", "department": "部门"}


def curves(source: Source) -> Chart:
    """Cumulative incidence of a decision, cases accepted this year and the year before."""
    years = (source.period.first.year, source.period.first.year - 1)
    series, sources = [], []
    for year in years:
        points = _curve(source, year)
        shares = dict(points)
        values = tuple(shares.get(day) for day in range(_CURVE_DAYS + 1))
        known = tuple(None if value is None else float(100 * value) for value in values)
        series.append(Series(f"{year}年受理", known, tuple("" for _ in known)))
        sources.append(
            source.figures.reading(
                f"{year}年受理的办件，{_CURVE_DAYS}个工作日内办结的比例",
                "%",
                "select decided_share, case_count from {marts}.agg_cumulative_incidence"
                " where cohort_kind = 'year' and cohort_from = %s and slice_kind = 'all' and day <= %s"
                " order by day desc limit 1",
                date(year, 1, 1),
                _CURVE_DAYS,
            )
        )
    return Chart(
        caption=CURVES,
        kind="steps",
        categories=tuple(str(day) for day in range(_CURVE_DAYS + 1)),
        series=tuple(series),
        unit="累计办结比例（%）",
        alt_text="阶梯图：受理后各工作日累计办结的办件比例，本年与上年",
        sources=tuple(source for source in sources if source),
        note="注：撤件按竞争风险处理，在办办件计到截至日为止，不因尚未办结而剔除。横轴为受理后的工作日。",
    )


def _curve(source: Source, year: int) -> list[tuple[int, Decimal]]:
    rows = source.figures.read(
        "select day, decided_share from {marts}.agg_cumulative_incidence"
        " where cohort_kind = 'year' and cohort_from = %s and slice_kind = 'all' and day <= %s order by day",
        date(year, 1, 1),
        _CURVE_DAYS,
    )
    return [(day, share) for day, share in rows]


def year_on_year(source: Source) -> Table:
    """What changed of itself and what changed by the mix; the latest comparison that the period holds."""
    comparison = _comparison(source)
    lines = []
    for kind, key, name in source.figures.read(_COMPARED, comparison):
        base, now, change, *parts = (_change(source, comparison, kind, key, column) for column in _COLUMNS)
        lines.append(((name,), base, now, (*change, *_interval(source, comparison, kind, key)), *parts))
    of_what = f"范围（{comparison}）" if comparison else "范围"
    header = (of_what, "基期", "现期", "变化", "其中构成", "其中办理", "标准化变化")
    if not lines:  # seeds/comparison_periods.csv holds none whose later half is this period, or the base has no cases
        lines.append((("没有可比的基期",), *((NO_VALUE,) for _ in header[1:])))
    return Table(YEAR_ON_YEAR, header, tuple(lines), (3.4, 1.5, 1.5, 3.6, 1.7, 1.7, 2.2))


_COLUMNS = {
    "base_mean_days": "基期均值",
    "now_mean_days": "现期均值",
    "change_days": "变化",
    "mix_days": "变化中的构成部分",
    "rate_days": "变化中的办理部分",
    "standardised_change_days": "标准化变化",
}
_BOUNDS = {"change_lower": "变化的95%区间下限", "change_upper": "变化的95%区间上限"}
_MEANS = {"mean_days": "均值（在办的也计入）", "naive_mean_days": "朴素均值（只计已办结）"}


# Its later half may begin after the period does, where the records of the base do.
_COMPARISON = """
select comparison
from {marts}.agg_change
where now_from between %s and %s and now_to <= %s
order by now_from, now_to desc, comparison
limit 1
"""
_COMPARED = """
select slice_kind, slice_key, slice_name
from {marts}.agg_change
where comparison = %s and slice_kind in ('all', 'stage')
order by slice_kind, slice_key
"""


def _comparison(source: Source) -> str | None:
    first, last = source.period.first, source.period.last
    rows = source.figures.read(_COMPARISON, first, last, last)
    return rows[0][0] if rows else None


def _interval(source: Source, comparison: str, kind: str, key: str) -> Text:
    low, high = (_change(source, comparison, kind, key, bound) for bound in _BOUNDS)
    both = [*low, "～", *high]
    return (
        ("（", *both, "）")
        if all(isinstance(part, Cited) and part.text != TOO_FEW for part in (low[0], high[0]))
        else ()
    )


def _change(source: Source, comparison: str, kind: str, key: str, column: str) -> Text:
    reading = source.figures.reading(
        f"与基期可比的办理用时，{_SLICES[kind]}{'' if kind == 'all' else key}，{(_COLUMNS | _BOUNDS)[column]}",
        "工作日",
        f"select {column}, now_case_count from {{marts}}.agg_change"  # noqa: S608 - a name of _COLUMNS
        " where comparison = %s and slice_kind = %s and slice_key = %s",
        comparison,
        kind,
        key,
    )
    return _cell(reading)


def naive(source: Source) -> Table:
    """The figure that is usually printed beside the one printed here, and why they differ."""
    lines = []
    for year in (source.period.first.year, source.period.first.year - 1):
        first = date(year, 1, 1)
        honest, simple = (
            source.figures.reading(
                f"{year}年受理的办件，{words}",
                "工作日",
                f"select {column}, case_count from {{marts}}.agg_speed"  # noqa: S608 - one of two names
                " where cohort_kind = 'year' and cohort_from = %s and slice_kind = 'all'",
                first,
            )
            for column, words in _MEANS.items()
        )
        reasons = source.figures.read(
            "select naive_leaves_out, mean_cap_days from {marts}.agg_speed"
            " where cohort_kind = 'year' and cohort_from = %s and slice_kind = 'all'",
            first,
        )
        if honest and simple and reasons:
            ((reason, cap),) = reasons
            lines.append(((f"{year}年受理",), _cell(simple), _cell(honest), (f"{reason}；本报告数每件最多计{cap}日",)))
    return Table(NAIVE, ("范围", "朴素均值", "本报告均值", "差别的原因"), tuple(lines), (3, 2, 2.2, 8), (0, 3))


def waterfall(source: Source) -> Chart:
    """What the promise takes off the statute's limit, and what practice takes off beyond it."""
    promise, actual = (source.now(metric) for metric in ("promise_compression_cases", "actual_vs_statutory"))
    small = promise.is_small or actual.is_small
    heights = None if small else (Decimal(100), 100 - percent(promise), 100 - percent(actual))
    values = (None,) * 3 if heights is None else tuple(map(float, heights))
    labels = ("样本不足",) * 3 if heights is None else tuple(f"{height:.1f}" for height in heights)
    return Chart(
        caption=WATERFALL,
        kind="waterfall",
        categories=("法定时限", "承诺时限", "实际用时"),
        series=(Series("占法定时限", values, labels),),
        unit="法定时限=100",
        alt_text="瀑布图：法定时限、承诺时限、实际用时",
        sources=(promise, actual),
        note="注：按本期已办结办件加权；实际用时按法定口径（受理后补正不停止计时）。",
    )


def _cell(reading: Reading | None) -> Text:
    if reading is None:
        return (NO_VALUE,)
    return (Cited(TOO_FEW if reading.value is None else tenth(reading.value), reading),)


PIECES = {CURVES: curves, YEAR_ON_YEAR: year_on_year, NAIVE: naive, WATERFALL: waterfall}
