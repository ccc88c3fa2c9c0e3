"""The annual reform report (年度改革报告) as blocks: rules F2, as far as the marts carry it today."""

from __future__ import annotations

from yidang.reports.annexes import annexes
from yidang.reports.blocks import Block, Document, Heading, Paragraph, Table, Text, Title
from yidang.reports.catalogue import burden, reforms
from yidang.reports.figures import rows
from yidang.reports.prose import cell, change, chinese_date, cite, moved_by, say, with_n
from yidang.reports.source import Source
from yidang.reports.standing import not_judged, open_cases, problems
from yidang.reports.time_limits import time_limits


def annual_report(source: Source) -> Document:
    """The whole report. Raises YidangError if a metric it needs is not defined."""
    title = f"{source.period.first.year}年工程建设项目审批制度改革报告"
    body = [
        Title((f"{source.period.first.year}年工程建设项目", "审批制度改革报告")),
        Paragraph((f"（数据截至{chinese_date(source.as_of)}）",), "note"),
        *_made_up(source),
        *_calendar_gap(source),
        *_summary(source),
        *_overview(source),
        *time_limits(source),
        *burden(source),
        *reforms(source),
        *open_cases(source),
        *problems(source),
        Paragraph(("",)),
        Paragraph(("附件：1. 指标口径",)),
        Paragraph(("　　　2. 分部门情况表",)),
        Paragraph(("　　　3. 数据质量说明",)),
        Paragraph(("（发文机关）",), "signature"),
        Paragraph(("××××年×月×日",), "signature"),
    ]
    return Document(title, _header(source, title), (*body, *annexes(source, body)))


def _header(source: Source, title: str) -> str:
    made_up = [department.is_example for department in source.departments]
    if not any(made_up):
        return ""
    return f"{'虚构示例数据' if all(made_up) else '含虚构示例数据'}　{title}"


def _made_up(source: Source) -> list[Block]:
    names = "、".join(department.name for department in source.departments if department.is_example)
    if not names:
        return []
    if all(department.is_example for department in source.departments):
        text = (
            f"【虚构示例数据】{names}均为虚构的示例部门，本报告所用办件由程序生成，"
            "不反映任何真实地区、部门或者项目的情况，不得作为工作依据引用。"
        )
    else:
        text = (
            f"【含虚构示例数据】{names}为虚构的示例部门，其办件由程序生成，不反映任何真实情况。"
            "本报告的合计数、比率和用时含上述虚构办件，不得作为工作依据引用；其他部门的数据为各部门报送。"
        )
    return [Paragraph((text,))]


def _calendar_gap(source: Source) -> list[Block]:
    """Past the calendar's end no working day can be counted: the reader must know before the first figure."""
    if source.as_of <= source.calendar.last and not source.unjudged.value:
        return []
    return [
        Paragraph(
            say(
                "【工作日历未覆盖】工作日历自{first}起，至{last}止，此外的工作日无从计算。{last}以后办结的办件没有用时，"
                "{last}以后的比率和用时不完整；在办办件中有{unjudged}件不能判定是否逾期，未计入本报告的临期、逾期件数。",
                first=chinese_date(source.calendar.first),
                last=chinese_date(source.calendar.last),
                unjudged=source.unjudged,
            )
        )
    ]


def _first_year(source: Source) -> str:
    """Stands before a growth since the records' first year, so that nobody quotes the one without the other."""
    return "上年同期为归集首年、办件可能不全，以下同比只供参考：" if source.starts_with_records else ""


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
                "1. 办件量。{first_year}{span}共收件{received}件，{received_change}；"
                "办结{decided}件，{decided_change}。",
                first_year=_first_year(source),
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
                "5. 在办情况。截至{as_of}，在办{open}件，其中已超过承诺时限{overdue}件{unjudged}。",
                as_of=chinese_date(source.as_of),
                open=open_cases,
                overdue=overdue,
                unjudged=not_judged(source),
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
    return f"{earliest}{'上年同期为归集首年' if source.starts_with_records else '没有上年同期数据'}。"


def _volume(source: Source) -> Text:
    accepted, accepted_before = source.now_and_before("cases_accepted")
    withdrawn, withdrawn_before = source.now_and_before("cases_withdrawn")
    return say(
        "{first_year}{span}受理{accepted}件，{accepted_change}；撤件{withdrawn}件，{withdrawn_change}。各项数量及同比情况见表1。",
        first_year=_first_year(source),
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
