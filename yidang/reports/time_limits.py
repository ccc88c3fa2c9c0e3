"""Tables and charts on time: punctuality, durations, stages, compression."""

from __future__ import annotations

from datetime import date

from yidang.metrics import MINIMUM_N
from yidang.reports import notes
from yidang.reports.blocks import Chart, Series, Table
from yidang.reports.charts import short_label
from yidang.reports.figures import Period, rows
from yidang.reports.indicators import STAGES, month_end
from yidang.reports.prose import cell, n_of
from yidang.reports.source import Source, remainder, series_of


def monthly_punctuality(source: Source) -> Chart:
    months = [date(source.period.first.year, month, 1) for month in range(1, source.period.last.month + 1)]
    # what is due in a month that is not over stands alone: nothing of the year before is so long
    whole = months if source.before else months[:-1]
    whole_before = [date(month.year - 1, month.month, 1) for month in whole]
    now = source.figures.each("on_time_rate", "due_month", months, rows(source.period))
    before = (
        source.figures.each(
            "on_time_rate", "due_month", whole_before, rows(Period(whole_before[0], month_end(whole_before[-1])))
        )
        if whole_before
        else {}
    )
    return Chart(
        caption="各月按时办结率",
        kind="lines",
        categories=tuple(f"{month.month}月{'' if month in whole else '（未完）'}" for month in months),
        series=(
            series_of(f"{months[0].year}年", [now[month] for month in months]),
            series_of(
                f"{months[0].year - 1}年",
                [*(before[month] for month in whole_before), *[None] * (len(months) - len(whole))],
            ),
        ),
        unit="按时办结率（%）",
        alt_text="折线图：本期与上年同期各月按时办结率",
        sources=(*now.values(), *before.values()),
        note=f"注：按应办结日期归月；到期办件少于{MINIMUM_N}件的月份不标点。",
    )


def department_punctuality(source: Source) -> Chart:
    figures = source.by_department("on_time_rate", source.period)
    ranked = sorted(
        source.departments,
        key=lambda d: (figures[d.department_id].is_small, -(figures[d.department_id].value or 0), d.department_id),
    )
    shown = [figures[department.department_id] for department in ranked]
    series = series_of("按时办结率", shown, with_size=True)
    intervals = tuple(None if figure.is_small else tuple(100 * bound for bound in figure.interval) for figure in shown)
    return Chart(
        caption="各部门按时办结率",
        kind="ranking",
        categories=short_label([department.name for department in ranked]),
        series=(Series(series.name, series.values, series.labels, intervals),),
        unit="按时办结率（%）",
        alt_text="条形图：各部门按时办结率及95%置信区间",
        sources=tuple(shown),
        note=f"注：横线为95%置信区间（Wilson法），区间重叠的部门不宜排先后；到期办件少于{MINIMUM_N}件的不排名。",
    )


def stage_durations(source: Source) -> Table:
    return _duration_table(source, "stage_number", "各审批阶段办理用时（单位：工作日）", "阶段", STAGES)


def flow_durations(source: Source) -> Table:
    return _duration_table(source, "flow_type_name", "各流程类型办理用时（单位：工作日）", "流程类型", {})


def _duration_table(source: Source, column: str, caption: str, label: str, names: dict) -> Table:
    slice_ = rows(source.period)
    medians = source.figures.by("median_elapsed_days", column, slice_)
    metrics = ("p90_elapsed_days", "mean_elapsed_days", "excluded_days_share")
    others = [source.figures.each(metric, column, medians, slice_) for metric in metrics]
    before = source.each_before("median_elapsed_days", column, medians)
    lines = tuple(
        (
            (names.get(value) or str(value or "未标明"),),
            (n_of(median),),
            cell(median),
            cell(before[value]),
            *(cell(figures[value]) for figures in others),
        )
        for value, median in medians.items()
    )
    header = (label, "办结件数", "中位数", "上年中位数", "P90", "平均数", "挂起天数占比")
    return Table(caption, header, lines, (4.4, 2.1, 2.1, 2.5, 2.1, 2.1, 2.1))


def stage_medians(source: Source) -> Table:
    union, union_before = _stage_union(source)
    span = source.figures.each("stage_span_days_median", "stage_number", union, rows(source.period))
    return Table(
        "各阶段用时中位数（按工程）",
        ("阶段", "工程数", "净审批用时", "上年净审批用时", "跨度用时"),
        tuple(
            (
                (STAGES.get(stage, "其他"),),
                (n_of(union[stage]),),
                *(cell(part[stage]) for part in (union, union_before, span)),
            )
            for stage in union
        ),
        (4, 2, 3.2, 3.2, 3.2),
    )


def stage_bars(source: Source) -> Chart:
    union, union_before = _stage_union(source)
    return Chart(
        caption="各阶段净审批用时中位数（按工程）",
        kind="bars",
        categories=tuple(STAGES.get(stage, "其他") for stage in union),
        series=(
            series_of(f"{source.period.first.year}年", list(union.values())),
            series_of(f"{source.period.first.year - 1}年", list(union_before.values())),
        ),
        unit="工作日",
        alt_text="柱状图：各阶段净审批用时中位数，本期与上年同期",
        sources=tuple(figure for figure in (*union.values(), *union_before.values()) if figure),
        note=f"注：并行推进事项不属于四个主线阶段，单列。{notes.unfinished(source)}",
    )


def _stage_union(source: Source) -> tuple[dict, dict]:
    union = source.figures.by("stage_union_days_median", "stage_number", rows(source.period))
    return union, source.each_before("stage_union_days_median", "stage_number", union)


_COMPRESSION = ("promise_compression_cases", "actual_vs_statutory", "actual_vs_promised")


def department_compression(source: Source) -> Table:
    overall = [source.now(metric) for metric in _COMPRESSION]
    catalogue = source.figures.one("promise_compression_catalogue")
    catalogue_by = source.by_department("promise_compression_catalogue", None)
    by = [source.by_department(metric, source.period) for metric in _COMPRESSION]
    lines = [
        (
            (d.name,),
            cell(catalogue_by[d.department_id]),
            *(cell(part[d.department_id]) for part in by),
            (n_of(by[1][d.department_id]),),
        )
        for d in source.departments
    ]
    lines.append((("合计",), cell(catalogue), *(cell(figure) for figure in overall), (n_of(overall[1]),)))
    return Table(
        "各部门时限压缩情况",
        ("部门", "承诺较法定（目录）", "承诺较法定（办件）", "实际较法定", "实际较承诺", "办结件数"),
        tuple(lines),
        (4.2, 2.5, 2.5, 2.5, 2.5, 2.2),
    )


def time_of_limits(source: Source) -> Chart:
    """What the cases took of each limit, each on the limit's own clock: the two are not drawn on one scale."""
    statutory, promised = (source.by_department(metric, source.period) for metric in _COMPRESSION[1:])
    ids = [department.department_id for department in source.departments]
    return Chart(
        caption="实际用时分别与法定时限、承诺时限对比",
        kind="panels",
        categories=short_label([department.name for department in source.departments]),
        series=(
            remainder("与法定时限比（法定时限=100）", [statutory[key] for key in ids]),
            remainder("与承诺时限比（承诺时限=100）", [promised[key] for key in ids]),
        ),
        unit="指数",
        alt_text="条形图，左右两幅：各部门实际用时占法定时限、占承诺时限的比例",
        sources=(*(statutory[key] for key in ids), *(promised[key] for key in ids)),
        note=(
            "注：按已办结办件加权，虚线为时限。左右两幅口径不同：与法定时限比，受理后补正不停止计时；"
            "与承诺时限比，受理后补正停止计时。两幅的数值不能互相比较。"
        ),
    )


PIECES = {
    "各月按时办结率": monthly_punctuality,
    "各部门按时办结率": department_punctuality,
    "各审批阶段办理用时（单位：工作日）": stage_durations,
    "各流程类型办理用时（单位：工作日）": flow_durations,
    "各阶段用时中位数（按工程）": stage_medians,
    "各阶段净审批用时中位数（按工程）": stage_bars,
    "各部门时限压缩情况": department_compression,
    "实际用时分别与法定时限、承诺时限对比": time_of_limits,
}
