"""二、时限执行情况: punctuality, durations, stages, compression."""

from __future__ import annotations

from datetime import date

from yidang.metrics import MINIMUM_N
from yidang.reports.blocks import Block, Chart, Heading, Paragraph, Series, Table
from yidang.reports.charts import short_label
from yidang.reports.figures import Figure, rows
from yidang.reports.prose import cell, change, n_of, say, with_n
from yidang.reports.source import STAGES, Source, remainder, series_of


def time_limits(source: Source) -> list[Block]:
    """Section 二, with charts 1 to 4 and tables 2 to 5."""
    return [
        Heading(1, "二、时限执行情况"),
        Heading(2, "（一）按时办结"),
        *_punctuality(source),
        Heading(2, "（二）办理用时"),
        *_durations(source),
        Heading(2, "（三）阶段用时和全流程用时"),
        *_stages(source),
        Heading(2, "（四）时限压缩"),
        *_compression(source),
    ]


def _punctuality(source: Source) -> list[Block]:
    rate, before = source.now_and_before("on_time_rate")
    statutory = source.now("statutory_overdue_rate")
    by_department = source.by_department("on_time_rate", source.period)
    return [
        Paragraph(
            say(
                "应于本期办结的办件中，按承诺时限按时办结的占{rate}，{change}；"
                "法定时限于本期届满的办件中，超过法定时限的占{statutory}。"
                "该比率以到期办件为分母，到期仍未办结的计为未按时；到期前撤件的不计。各月情况见图1，各部门情况见图2。",
                rate=with_n(rate),
                change=change(rate, before),
                statutory=with_n(statutory),
            )
        ),
        _monthly_chart(source),
        _department_ranking(source, by_department),
    ]


def _monthly_chart(source: Source) -> Chart:
    months = [date(source.period.first.year, month, 1) for month in range(1, source.period.last.month + 1)]
    months_before = [date(month.year - 1, month.month, 1) for month in months]
    now = source.figures.each("on_time_rate", "due_month", months, rows(source.period))
    before = source.figures.each("on_time_rate", "due_month", months_before, rows(source.before))
    return Chart(
        caption="各月按时办结率",
        kind="lines",
        categories=tuple(f"{month.month}月" for month in months),
        series=(
            series_of(f"{months[0].year}年", [now[month] for month in months]),
            series_of(f"{months_before[0].year}年", [before[month] for month in months_before]),
        ),
        unit="按时办结率（%）",
        alt_text="折线图：本期与上年同期各月按时办结率",
        sources=(*now.values(), *before.values()),
        note=f"注：按应办结日期归月；到期办件少于{MINIMUM_N}件的月份不标点。",
    )


def _department_ranking(source: Source, figures: dict[str, Figure]) -> Chart:
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


def _durations(source: Source) -> list[Block]:
    median, before = source.now_and_before("median_elapsed_days")
    return [
        Paragraph(
            say(
                "已办结办件净审批用时（受理至办结的工作日，扣除依法不计入时限的天数）中位数为{median}，{change}；"
                "第90百分位数为{p90}个工作日，平均数为{mean}个工作日。平均数受少数长时间办件影响较大，且不含仍在办的办件，"
                "只列出供对照，本报告以中位数为准。分阶段、分流程类型情况见表2、表3。",
                median=with_n(median),
                change=change(median, before),
                p90=source.now("p90_elapsed_days"),
                mean=source.now("mean_elapsed_days"),
            )
        ),
        _duration_table(source, "stage_number", "各审批阶段办理用时（单位：工作日）", "阶段", STAGES),
        _duration_table(source, "flow_type_name", "各流程类型办理用时（单位：工作日）", "流程类型", {}),
    ]


def _duration_table(source: Source, column: str, caption: str, label: str, names: dict) -> Table:
    slice_ = rows(source.period)
    medians = source.figures.by("median_elapsed_days", column, slice_)
    metrics = ("p90_elapsed_days", "mean_elapsed_days", "excluded_days_share")
    others = [source.figures.each(metric, column, medians, slice_) for metric in metrics]
    before = source.figures.each("median_elapsed_days", column, medians, rows(source.before))
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


def _stages(source: Source) -> list[Block]:
    union = source.figures.by("stage_union_days_median", "stage_number", rows(source.period))
    union_before = source.figures.each("stage_union_days_median", "stage_number", union, rows(source.before))
    span = source.figures.each("stage_span_days_median", "stage_number", union, rows(source.period))
    approval, span_days = source.now("project_approval_days_median"), source.now("project_span_days_median")
    labels = {stage: STAGES.get(stage, "其他") for stage in union}
    return [
        Paragraph(
            say(
                "阶段审批用时按单个工程计算，并联办理的事项重叠的工作日只计一次；跨度用时为首次收件至最后办结的自然日，"
                "含建设单位准备材料、修改图纸等时间，两者口径不同，不能互相比较，也不能与时限比较。"
                "{span}完成全部审批的项目{finished}个，全流程净审批用时中位数{approval}，跨度用时中位数{span_days}。"
                "各阶段情况见表4、图3。",
                span=source.span,
                finished=source.now("projects_finished"),
                approval=with_n(approval),
                span_days=with_n(span_days),
            )
        ),
        Table(
            "各阶段用时中位数（按工程）",
            ("阶段", "工程数", "净审批用时", "上年净审批用时", "跨度用时"),
            tuple(
                ((labels[stage],), (n_of(union[stage]),), *(cell(part[stage]) for part in (union, union_before, span)))
                for stage in union
            ),
            (4, 2, 3.2, 3.2, 3.2),
        ),
        Paragraph(("注：净审批用时以工作日计，跨度用时以自然日计。",), "small"),
        Chart(
            caption="各阶段净审批用时中位数（按工程）",
            kind="bars",
            categories=tuple(labels.values()),
            series=(
                series_of(f"{source.period.first.year}年", list(union.values())),
                series_of(f"{source.before.first.year}年", list(union_before.values())),
            ),
            unit="工作日",
            alt_text="柱状图：各阶段净审批用时中位数，本期与上年同期",
            sources=(*union.values(), *union_before.values()),
            note="注：并行推进事项不属于四个主线阶段，单列。",
        ),
    ]


def _compression(source: Source) -> list[Block]:
    metrics = ("promise_compression_cases", "actual_vs_statutory", "actual_vs_promised")
    overall = [source.now(metric) for metric in metrics]
    catalogue = source.figures.one("promise_compression_catalogue")
    catalogue_by = source.by_department("promise_compression_catalogue", None)
    by = [source.by_department(metric, source.period) for metric in metrics]
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
    return [
        Paragraph(
            say(
                "现行事项目录中，承诺时限合计比法定时限合计压缩{catalogue}，反映目录的变化，与办件多少无关。"
                "按本期已办结办件加权，承诺时限比法定时限压缩{cases}；实际用时按法定口径比法定时限压缩{statutory}，"
                "按承诺口径（受理后补正停止计时）比承诺时限提速{promised}。"
                "分部门情况见表5、图4。",
                catalogue=catalogue,
                cases=with_n(overall[0]),
                statutory=with_n(overall[1]),
                promised=with_n(overall[2]),
            )
        ),
        Table(
            "各部门时限压缩情况",
            ("部门", "承诺较法定（目录）", "承诺较法定（办件）", "实际较法定", "实际较承诺", "办结件数"),
            tuple(lines),
            (4.2, 2.5, 2.5, 2.5, 2.5, 2.2),
        ),
        _compression_chart(source, by[1], by[2]),
    ]


def _compression_chart(source: Source, statutory: dict[str, Figure], promised: dict[str, Figure]) -> Chart:
    """What the cases took of each limit, each on the limit's own clock: the two are not drawn on one scale."""
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
