"""考核: what departments earned in the last periods of the assessment whose appeals are over."""

from __future__ import annotations

from datetime import date

from yidang.reports.blocks import Cited, Table, Text
from yidang.reports.figures import Figures
from yidang.reports.prose import tenth
from yidang.reports.source import Source

CAPTION = "各部门考核得分（单位：分）"
# The last published period of each kind: month, two months, quarter. Those without a rank come last, and say why.
_PUBLISHED = """
select period_grain, period_start, period_name, department_name, remark, upheld_appeal_count
from {marts}.agg_assessment as points
where state_name = '已公布'
    and not exists (
        select 1
        from {marts}.agg_assessment as later
        where later.state_name = '已公布'
            and later.period_grain = points.period_grain
            and later.period_start > points.period_start
    )
order by period_end - period_start, rank_number nulls last, covered_weight desc, department_name
"""
_VALUE = """
select {column}, least_n
from {{marts}}.agg_assessment
where period_grain = %s and period_start = %s and department_name = %s
"""
_COLUMNS = {"points": "得分", "covered_weight": "可评分值", "rank_number": "名次"}


def periods(source: Source) -> str:
    """2023年10月、2023年9—10月; empty where no assessment was published."""
    return "、".join(dict.fromkeys(row[2] for row in source.figures.read(_PUBLISHED)))


def points(source: Source) -> Table:
    figures = source.figures
    lines = []
    for grain, start, period, department, remark, upheld in figures.read(_PUBLISHED):
        values = [_value(figures, column, period, grain, start, department) for column in _COLUMNS]
        appeals = f"采纳申诉{upheld}件" if upheld else ""
        said = "；".join(part for part in (remark, appeals) if part)
        lines.append(((period,), (department,), *values, (said or "—",)))
    header = ("周期", "部门", *_COLUMNS.values(), "说明")
    return Table(CAPTION, header, tuple(lines), (3.5, 3.5, 1.3, 1.7, 1.2, 4.4), (0, 1, 5))


def _value(figures: Figures, column: str, period: str, grain: str, start: date, department: str) -> Text:
    label = f"{period}考核{_COLUMNS[column]}：{department}"
    unit = "名" if column == "rank_number" else "分"
    reading = figures.reading(label, unit, _VALUE.format(column=column), grain, start, department)
    if reading is None or reading.value is None:
        return ("—",)
    return (Cited(tenth(reading.value) if column == "points" else f"{reading.value.normalize():f}", reading),)


PIECES = {CAPTION: points}
