"""Tables of volumes, of departments, of definitions and of data quality."""

from __future__ import annotations

from collections.abc import Iterable

from yidang.reports.blocks import Table, Text
from yidang.reports.figures import Evidence, Figure, rows
from yidang.reports.prose import cell, moved_by
from yidang.reports.source import Source

TIERS = {
    "T1": "项目代码一致且校验位正确",
    "T2": "项目代码一致，但为旧版代码或者校验位不符",
    "T3": "工程代码前缀为已知项目代码",
    "T4": "许可证号或批文号一致",
    "T5": "信用代码一致且名称、区划相符",
    "T6": "仅名称相近，待人工核对",
}
FLAGS = {
    "ACCEPTED_NONWORKING": "非工作日受理",
    "CAL_UNAVAILABLE": "日历未覆盖",
    "CORRECTION_AFTER_ACCEPT": "受理后补正",
    "DECIDED_NONWORKING": "非工作日办结",
    "DECIDED_WHILE_SUSPENDED": "暂停期间办结",
    "DEEMED_ACCEPTED": "视为受理",
    "DUE_BEYOND_CALENDAR": "到期日超出日历",
    "DUP_ACCEPT": "重复受理记录",
    "DUP_START": "重复暂停开始",
    "EVENT_AFTER_DECISION": "办结后仍有记录",
    "LATE_CORRECTION": "逾期告知补正",
    "MULTI_CORRECTION": "多次补正",
    "OPEN_SUSPENSION": "暂停未结束",
    "ORDER_ERROR": "先办结后受理",
    "ORPHAN_END": "暂停有止无起",
    "OVERDUE_AT_WITHDRAWAL": "撤件时已逾期",
    "PRE_ACCEPTANCE": "尚未受理",
    "PROVISIONAL": "暂定",
    "PROVISIONAL_DUE": "到期日暂定",
    "STATUTORY_OVERDUE": "超过法定时限",
    "STAT_DUE_BEYOND_CALENDAR": "法定到期日超出日历",
    "SUSP_BEFORE_ACCEPT": "受理前暂停",
    "UNCLOSED_ON_DECIDED": "办结时暂停未结束",
    "WITHDRAWN": "撤件",
}


def volumes(source: Source) -> Table:
    lines = []
    for label, metric, equals in (
        ("收件", "cases_received", {}),
        ("受理", "cases_accepted", {}),
        ("办结", "cases_decided", {}),
        ("　其中：准予", "cases_decided", {"outcome": "passed"}),
        ("　　　　不予", "cases_decided", {"outcome": "denied"}),
        ("撤件", "cases_withdrawn", {}),
    ):
        now, before = source.now_and_before(metric, **equals)
        lines.append(((label,), cell(now), cell(before), moved_by(now, before) or ("—",)))
    return Table("办件总量及同比情况（单位：件）", ("指标", "本期", "上年同期", "同比"), tuple(lines), (4, 3, 3, 4))


def definitions(printed: Iterable[Evidence]) -> Table:
    """Of exactly the metrics that the document prints."""
    metrics = {figure.metric.name: figure.metric for figure in printed if isinstance(figure, Figure)}
    lines = tuple(((metric.label,), (metric.unit,), (metric.grain,), (metric.formula,)) for metric in metrics.values())
    return Table(DEFINITIONS, ("指标", "单位", "统计单元", "口径说明"), lines, (3.6, 1.5, 2, 8.5), (0, 3))


def department_volumes(source: Source) -> Table:
    return _by_department(
        source,
        "各部门办件量（单位：件）",
        (
            ("收件", "cases_received", True),
            ("受理", "cases_accepted", True),
            ("办结", "cases_decided", True),
            ("撤件", "cases_withdrawn", True),
            ("截至日在办", "cases_open", False),
            ("在办逾期", "cases_overdue_open", False),
        ),
    )


def department_time(source: Source) -> Table:
    return _by_department(
        source,
        "各部门按时办结和办理用时（用时单位：工作日）",
        (
            ("按时办结率", "on_time_rate", True),
            ("法定逾期率", "statutory_overdue_rate", True),
            ("用时中位数", "median_elapsed_days", True),
            ("用时P90", "p90_elapsed_days", True),
            ("挂起占比", "excluded_days_share", True),
            ("补正率", "correction_rate", True),
        ),
    )


def _by_department(source: Source, caption: str, columns: tuple[tuple[str, str, bool], ...]) -> Table:
    values, totals = [], []
    for _, metric, in_period in columns:
        period = source.period if in_period else None
        values.append(source.by_department(metric, period))
        totals.append(source.figures.one(metric, rows(period)))
    lines = [((d.name,), *(cell(part[d.department_id]) for part in values)) for d in source.departments]
    lines.append((("合计",), *(cell(figure) for figure in totals)))
    return Table(caption, ("部门", *(label for label, _, _ in columns)), tuple(lines), (3.07, *(2,) * len(columns)))


def match_tiers(source: Source) -> Table:
    figures = source.figures.by("cases_received", "match_tier", rows(source.period))
    lines = tuple(
        ((str(tier or "—"),), (TIERS.get(str(tier), "未归集到项目"),), cell(figure)) for tier, figure in figures.items()
    )
    return Table("本期收件的项目归集依据（单位：件）", ("级别", "依据", "收件"), lines, (2, 8, 3), (1,))


def clock_flags(source: Source) -> Table:
    figures = source.figures.by("cases_received", "clock_flags", rows(source.period))
    by_number = sorted(figures.items(), key=lambda entry: (bool(entry[0]), -entry[1].n))
    lines = tuple((_flags(flags), cell(figure)) for flags, figure in by_number)
    return Table("本期收件的计时标记（单位：件）", ("标记", "收件"), lines, (10, 3))


def _flags(flags: object) -> Text:
    if not flags:
        return ("无",)
    return ("、".join(FLAGS.get(flag, flag) for flag in str(flags).split("|")),)


DEFINITIONS = "本报告所用指标"
PIECES = {
    "办件总量及同比情况（单位：件）": volumes,
    "各部门办件量（单位：件）": department_volumes,
    "各部门按时办结和办理用时（用时单位：工作日）": department_time,
    "本期收件的项目归集依据（单位：件）": match_tiers,
    "本期收件的计时标记（单位：件）": clock_flags,
}
