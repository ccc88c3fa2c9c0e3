"""The annual reform report (年度改革报告) as blocks: rules F2, as far as the marts carry it today."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from yidang.reports import wilson
from yidang.reports.blocks import Block, Chart, Cited, Document, Heading, Paragraph, Series, Table, Text, Title
from yidang.reports.charts import short_label
from yidang.reports.facts import Department, Reform
from yidang.reports.figures import MINIMUM_N, Figure, Figures, Period, rows
from yidang.reports.prose import (
    cell,
    change,
    chinese_date,
    cite,
    is_rate,
    moved_by,
    n_of,
    percent,
    say,
    with_n,
    written,
)

STAGES = {1: "立项用地规划许可", 2: "工程建设许可", 3: "施工许可", 4: "竣工验收", 5: "并行推进"}
ALERTS = {"overdue": "已逾期", "warn": "临期预警", "paused": "暂停计时", "none": "正常"}


@dataclass(frozen=True)
class Source:
    """What the outline draws from."""

    figures: Figures
    departments: tuple[Department, ...]
    reforms: tuple[Reform, ...]
    period: Period
    first_received: date

    @property
    def before(self) -> Period:
        return self.period.a_year_before()

    @property
    def as_of(self) -> date:
        return self.figures.snapshot.as_of

    @property
    def span(self) -> str:
        """2025年, or 2025年1月1日至6月30日 when the year is not over."""
        year, last = self.period.first.year, self.period.last
        return f"{year}年" if (last.month, last.day) == (12, 31) else f"{year}年1月1日至{last.month}月{last.day}日"

    def now_and_before(self, metric: str, **equals: object) -> tuple[Figure, Figure]:
        return (
            self.figures.one(metric, rows(self.period, **equals)),
            self.figures.one(metric, rows(self.before, **equals)),
        )

    def now(self, metric: str, **equals: object) -> Figure:
        return self.figures.one(metric, rows(self.period, **equals))

    def by_department(self, metric: str, period: Period | None) -> dict[str, Figure]:
        ids = [department.department_id for department in self.departments]
        return self.figures.each(metric, "department_id", ids, rows(period))


def annual_report(source: Source) -> Document:
    """The whole report. Raises YidangError if a metric it needs is not defined."""
    # Imported here because the annexes list what the sections before them have cited.
    from yidang.reports.annexes import annexes

    title = f"{source.period.first.year}年工程建设项目审批制度改革报告"
    body = [
        Title((f"{source.period.first.year}年工程建设项目", "审批制度改革报告")),
        Paragraph((f"（数据截至{chinese_date(source.as_of)}）",), "note"),
        *_made_up(source),
        *_summary(source),
        *_overview(source),
        *_time_limits(source),
        *_burden(source),
        *_reforms(source),
        *_open_cases(source),
        *_problems(source),
        Paragraph(("",)),
        Paragraph(("附件：1. 指标口径",)),
        Paragraph(("　　　2. 分部门情况表",)),
        Paragraph(("　　　3. 数据质量说明",)),
    ]
    header = f"虚构示例数据　{title}" if any(d.is_example for d in source.departments) else ""
    return Document(title, header, (*body, *annexes(source, body)))


def _made_up(source: Source) -> list[Block]:
    names = "、".join(department.name for department in source.departments if department.is_example)
    if not names:
        return []
    return [
        Paragraph(
            (
                f"【虚构示例数据】{names}均为虚构的示例部门，本报告所用办件由程序生成，"
                "不反映任何真实地区、部门或者项目的情况，不得作为工作依据引用。",
            )
        )
    ]


def _summary(source: Source) -> list[Block]:
    received, received_before = source.now_and_before("cases_received")
    decided, decided_before = source.now_and_before("cases_decided")
    on_time, on_time_before = source.now_and_before("on_time_rate")
    median, median_before = source.now_and_before("median_elapsed_days")
    open_cases, overdue = source.figures.one("cases_open"), source.figures.one("cases_overdue_open")
    return [
        Heading(1, "摘要"),
        Paragraph(
            say(
                "1. 办件量。{span}共收件{received}件，{received_change}；办结{decided}件，{decided_change}。",
                span=source.span,
                received=received,
                received_change=change(received, received_before),
                decided=decided,
                decided_change=change(decided, decided_before),
            )
        ),
        Paragraph(
            say(
                "2. 按时办结。应于本期办结的办件按时办结率为{rate}，{change}。",
                rate=with_n(on_time),
                change=change(on_time, on_time_before),
            )
        ),
        Paragraph(
            say(
                "3. 办理用时。已办结办件净审批用时中位数为{median}，{change}；九成办件在{p90}个工作日内办结。",
                median=with_n(median),
                change=change(median, median_before),
                p90=source.now("p90_elapsed_days"),
            )
        ),
        Paragraph(
            say(
                "4. 时限压缩。现行事项目录的承诺时限比法定时限压缩{catalogue}；"
                "本期已办结办件实际用时比法定时限压缩{actual}。",
                catalogue=cite(source.figures.one("promise_compression_catalogue")),
                actual=with_n(source.now("actual_vs_statutory")),
            )
        ),
        Paragraph(
            say(
                "5. 在办情况。截至{as_of}，在办{open}件，其中已超过承诺时限{overdue}件。",
                as_of=chinese_date(source.as_of),
                open=open_cases,
                overdue=overdue,
            )
        ),
    ]


# -- 一、总体情况 --------------------------------------------------------------------------------------------
def _overview(source: Source) -> list[Block]:
    names = "、".join(department.name for department in source.departments)
    projects = source.figures.one("project_count", rows())
    return [
        Heading(1, "一、总体情况"),
        Heading(2, "（一）统计范围"),
        Paragraph(
            say(
                "本报告统计{names}办理的工程建设项目审批事项。截至{as_of}，数据仓库归集项目{projects}个（按项目代码计，一个项目可含多个工程）；"
                "统计期为{span}，收件、受理、办结分别按收件日期、受理日期、办结日期归期，按时办结率按应办结日期归期。"
                "时限均按工作日计算，法定节假日和调休上班日以国务院办公厅通知为准。文中n为样本数。{coverage}",
                names=names,
                as_of=chinese_date(source.as_of),
                projects=projects,
                span=source.span,
                coverage=_coverage(source),
            )
        ),
        Heading(2, "（二）办件总量"),
        Paragraph(_volume(source)),
        Paragraph(_cohort(source)),
        _volume_table(source),
    ]


def _coverage(source: Source) -> str:
    """Growth over the first year of the records is growth of the records: say so."""
    if source.first_received < source.before.first:
        return ""
    earliest = f"归集的办件最早收件于{chinese_date(source.first_received)}，"
    if source.first_received > source.before.last:
        return f"{earliest}没有上年同期数据。"
    return f"{earliest}上年同期为归集首年，办件可能不全，办件量的同比增幅只供参考。"


def _volume(source: Source) -> Text:
    accepted, accepted_before = source.now_and_before("cases_accepted")
    withdrawn, withdrawn_before = source.now_and_before("cases_withdrawn")
    return say(
        "{span}受理{accepted}件，{accepted_change}；撤件{withdrawn}件，{withdrawn_change}。各项数量及同比情况见表1。",
        span=source.span,
        accepted=accepted,
        accepted_change=change(accepted, accepted_before),
        withdrawn=withdrawn,
        withdrawn_change=change(withdrawn, withdrawn_before),
    )


def _volume_table(source: Source) -> Table:
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


def _cohort(source: Source) -> Text:
    """What became of the cases accepted in the period: the open ones are censored, not dropped."""
    return say(
        "{span}受理的{accepted}件办件中，截至{as_of}已作出决定{decided}件，申请人撤件{withdrawn}件，仍在办{open}件。"
        "仍在办的办件用时尚未确定，不计入办理用时的中位数，到期未办结的计入按时办结率的分母。",
        span=source.span,
        as_of=chinese_date(source.as_of),
        accepted=source.now("cases_accepted"),
        decided=source.now("cases_accepted", is_decided=True),
        withdrawn=source.now("cases_accepted", is_withdrawn=True),
        open=source.now("cases_accepted", is_open=True),
    )


# -- 二、时限 ----------------------------------------------------------------------------------------------
def _time_limits(source: Source) -> list[Block]:
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
            _series(f"{months[0].year}年", [now[month] for month in months]),
            _series(f"{months_before[0].year}年", [before[month] for month in months_before]),
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
    series = _series("按时办结率", shown, with_size=True)
    intervals = tuple(
        None if figure.is_small else tuple(100 * bound for bound in wilson.interval(float(figure.numerator), figure.n))
        for figure in shown
    )
    return Chart(
        caption="各部门按时办结率",
        kind="ranking",
        categories=short_label([department.short_name for department in ranked]),
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
                "阶段审批用时按单个工程计算，并联办理的事项重叠的工作日只计一次；跨度用时为首次受理至最后办结的自然日，"
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
                _series(f"{source.period.first.year}年", list(union.values())),
                _series(f"{source.before.first.year}年", list(union_before.values())),
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
        _compression_chart(source, by[0], by[1]),
    ]


def _compression_chart(source: Source, promised: dict[str, Figure], actual: dict[str, Figure]) -> Chart:
    """Statute = 100: what the promise leaves of it, and what the cases really took."""
    ids = [department.department_id for department in source.departments]
    return Chart(
        caption="法定、承诺、实际时限对比（法定时限=100）",
        kind="bars",
        categories=short_label([department.short_name for department in source.departments]),
        series=(
            Series("法定时限", (100.0,) * len(ids), ("100",) * len(ids)),
            _remainder("承诺时限", [promised[key] for key in ids]),
            _remainder("实际用时（法定口径）", [actual[key] for key in ids]),
        ),
        unit="指数",
        alt_text="柱状图：以法定时限为100，各部门承诺时限与实际用时",
        sources=(*(promised[key] for key in ids), *(actual[key] for key in ids)),
        note="注：按已办结办件加权。实际用时按法定口径计算，受理后补正不停止计时，与承诺时限的口径不同，不宜直接相减。",
    )


# -- 三、环节、材料、跑动、费用 ------------------------------------------------------------------------------------
BURDEN = (
    ("事项（项）", "catalogue_item_count"),
    ("环节（个）", "catalogue_step_count"),
    ("材料（份）", "catalogue_material_count"),
    ("跑动（次）", "catalogue_visit_count"),
    ("收费（元）", "catalogue_fee_yuan"),
    ("法定时限（工作日）", "catalogue_statutory_limit_days"),
    ("承诺时限（工作日）", "catalogue_promised_limit_days"),
)


def _burden(source: Source) -> list[Block]:
    now, before = rows(valid_on=source.period.last), rows(valid_on=source.before.last)
    pairs = {metric: (source.figures.one(metric, now), source.figures.one(metric, before)) for _, metric in BURDEN}
    return [
        Heading(1, "三、环节、材料、跑动、费用"),
        Paragraph(
            say(
                "按{day}有效的事项目录计，{items}项审批服务事项合计环节{steps}个、申请材料{materials}份、最少跑动{visits}次、"
                "行政事业性收费{fee}元；与上年同日目录的对比见表6。目录数为各事项之和，反映办事规定，不代表单个项目的实际负担；"
                "事项合并的，与合并前各事项之和比较。",
                day=chinese_date(source.period.last),
                items=pairs["catalogue_item_count"][0],
                steps=pairs["catalogue_step_count"][0],
                materials=pairs["catalogue_material_count"][0],
                visits=pairs["catalogue_visit_count"][0],
                fee=pairs["catalogue_fee_yuan"][0],
            )
        ),
        Table(
            "事项目录合计数及同比情况",
            ("指标", chinese_date(source.period.last), chinese_date(source.before.last), "同比"),
            tuple(
                ((label,), cell(pairs[metric][0]), cell(pairs[metric][1]), moved_by(*pairs[metric]) or ("—",))
                for label, metric in BURDEN
            ),
            (4, 3, 3, 3),
        ),
    ]


# -- 四、改革举措与成效 ------------------------------------------------------------------------------------------
def _reforms(source: Source) -> list[Block]:
    blocks: list[Block] = [Heading(1, "四、改革举措与成效")]
    if not source.reforms:
        return [*blocks, Paragraph((f"{source.span}事项目录中没有缩短承诺时限的事项。",))]
    lines = []
    for reform in source.reforms:
        item = {"item_code": reform.item_code}
        after = Period(reform.since, source.period.last)
        limits = [
            source.figures.one("catalogue_promised_limit_days", rows(**item, item_version=version))
            for version in (reform.old_version, reform.version)
        ]
        medians = [
            source.figures.one("median_elapsed_days", rows(days, **item, item_version=version))
            for days, version in ((after.a_year_before(), reform.old_version), (after, reform.version))
        ]
        lines.append(
            (
                (reform.item_name,),
                (f"{reform.since.month}月{reform.since.day}日",),
                (*cell(limits[0]), " → ", *cell(limits[1])),
                cell(medians[0]),
                (n_of(medians[0]),),
                cell(medians[1]),
                (n_of(medians[1]),),
            )
        )
    names = "、".join(f"{reform.item_name}（{reform.department_name}）" for reform in source.reforms)
    return [
        *blocks,
        Paragraph(
            (
                f"{source.span}，{names}缩短了承诺时限。将新时限施行后至期末办结的办件，与上年同月份按原时限办理的办件对比，结果见表7。"
                "该对比未设对照组，未剔除项目结构变化的影响，属于情况描述，不能单独作为改革效果的证明。",
            )
        ),
        Table(
            "缩短承诺时限事项净审批用时中位数前后对比（单位：工作日）",
            ("事项", "施行日期", "承诺时限", "施行前", "件数", "施行后", "件数"),
            tuple(lines),
            (5, 2.2, 2.4, 2, 1.4, 2, 1.4),
        ),
    ]


# -- 五、在办与预警 --------------------------------------------------------------------------------------------
def _open_cases(source: Source) -> list[Block]:
    figures = source.figures
    by_alert = figures.each("cases_open", "alert_state", ALERTS)
    cells = {
        state: figures.each(
            "cases_open", "department_id", [d.department_id for d in source.departments], rows(alert_state=state)
        )
        for state in ALERTS
    }
    return [
        Heading(1, "五、在办与预警"),
        Paragraph(
            say(
                "截至{as_of}，在办办件{open}件，其中正常{normal}件，临近承诺时限{warn}件，暂停计时{paused}件，已超过承诺时限{overdue}件。"
                "各部门情况见图5。在办办件的最终用时尚未确定（统计上属于截尾数据），其数量随统计截止日期变化。",
                as_of=chinese_date(source.as_of),
                open=figures.one("cases_open"),
                normal=by_alert["none"],
                warn=by_alert["warn"],
                paused=by_alert["paused"],
                overdue=by_alert["overdue"],
            )
        ),
        Chart(
            caption="各部门在办办件状态",
            kind="stacked",
            categories=short_label([department.short_name for department in source.departments]),
            series=tuple(
                _series(label, [cells[state][d.department_id] for d in source.departments])
                for state, label in ALERTS.items()
            ),
            unit="在办办件（件）",
            alt_text="堆积条形图：各部门在办办件的预警状态",
            sources=tuple(figure for state in ALERTS for figure in cells[state].values()),
        ),
    ]


# -- 六、存在问题 ----------------------------------------------------------------------------------------------
def _problems(source: Source) -> list[Block]:
    found = [
        problem
        for problem in (
            _late_departments(source),
            _overdue_open(source),
            _pauses(source),
            _corrections(source),
            _unmatched(source),
        )
        if problem
    ]
    return [
        Heading(1, "六、存在问题"),
        Paragraph(("以下各条由数据直接得出，原因由有关部门核实后补充。",)),
        *(Paragraph((f"{place}. ", *text)) for place, text in enumerate(found, start=1)),
    ]


def _late_departments(source: Source) -> Text:
    district = source.now("on_time_rate")
    figures = source.by_department("on_time_rate", source.period)
    below = sorted(
        (
            d
            for d in source.departments
            if not figures[d.department_id].is_small and figures[d.department_id].value < district.value
        ),
        key=lambda d: figures[d.department_id].value,
    )
    if not below:
        return ()
    return say(
        "部分部门按时办结率低于总体水平（{district}）：{list}。",
        district=district,
        list=_listing([(d.name, with_n(figures[d.department_id])) for d in below]),
    )


def _overdue_open(source: Source) -> Text:
    figures = source.by_department("cases_overdue_open", None)
    late = [
        (d.name, (cite(figures[d.department_id]), "件")) for d in source.departments if figures[d.department_id].value
    ]
    if not late:
        return ("截至统计日没有超过承诺时限仍未办结的办件。",)
    return say("超过承诺时限仍未办结的办件：{list}。", list=_listing(late))


def _pauses(source: Source) -> Text:
    overall = source.now("excluded_days_share")
    figures = source.by_department("excluded_days_share", source.period)
    ranked = _highest(source, figures)
    if overall.is_small or not ranked:
        return ()
    return say(
        "不计入时限的天数占受理至办结总天数的{overall}，占比较高的有{list}。暂停计时使净审批用时变短而申请人等待不变，应与办理用时一并考察。",
        overall=overall,
        list=_listing([(d.name, (cite(figures[d.department_id]),)) for d in ranked]),
    )


def _corrections(source: Source) -> Text:
    overall = source.now("correction_rate")
    figures = source.by_department("correction_rate", source.period)
    ranked = _highest(source, figures)
    if overall.is_small or not ranked:
        return ()
    return say(
        "补正率为{overall}，较高的有{list}，一次性告知和办事指南有待改进。",
        overall=with_n(overall),
        list=_listing([(d.name, with_n(figures[d.department_id])) for d in ranked]),
    )


def _unmatched(source: Source) -> Text:
    unmatched = source.figures.one("cases_received", rows(source.period, project_code=None))
    if not unmatched.value:
        return ()
    return say(
        "本期收件中有{unmatched}件未能归集到项目，只计入部门和事项的统计，不计入项目和阶段的统计，情况见附件3。",
        unmatched=unmatched,
    )


# -- small parts -------------------------------------------------------------------------------------------
def _highest(source: Source, figures: dict[str, Figure], places: int = 2) -> list[Department]:
    large = [d for d in source.departments if not figures[d.department_id].is_small and figures[d.department_id].value]
    return sorted(large, key=lambda d: -figures[d.department_id].value)[:places]


def _listing(entries: list[tuple[str, Text]]) -> Text:
    parts: list[str | Cited] = []
    for place, (name, text) in enumerate(entries):
        parts += ["、" if place else "", name, *text]
    return tuple(parts)


def _series(name: str, figures: list[Figure], *, with_size: bool = False) -> Series:
    return Series(
        name, tuple(_height(figure) for figure in figures), tuple(_label(figure, with_size) for figure in figures)
    )


def _remainder(name: str, figures: list[Figure]) -> Series:
    heights = [None if figure.is_small else float(100 - percent(figure)) for figure in figures]
    return Series(
        name, tuple(heights), tuple("样本\n不足" if height is None else f"{height:.0f}" for height in heights)
    )


def _height(figure: Figure) -> float | None:
    if figure.is_small:
        return None
    return float(percent(figure)) if is_rate(figure) else float(figure.value)


def _label(figure: Figure, with_size: bool) -> str:
    text = cite(figure).text if figure.is_small else written(figure).removesuffix("%")
    return f"{text}（n={figure.n}）" if with_size else text
