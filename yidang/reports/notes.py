"""Sentences that a report carries where they are due: what is made up, what calendar and records do not cover."""

from __future__ import annotations

from yidang.reports.blocks import Text
from yidang.reports.prose import chinese_date, say
from yidang.reports.source import Source


def page_header(source: Source, title: str) -> str:
    """Stands on every page of a report on made-up departments; else empty."""
    made_up = [department.is_example for department in source.departments]
    if not any(made_up):
        return ""
    return f"{'虚构示例数据' if all(made_up) else '含虚构示例数据'}　{title}"


def made_up(source: Source) -> str:
    names = "、".join(department.name for department in source.departments if department.is_example)
    if not names:
        return ""
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
    return text


def calendar_gap(source: Source) -> Text:
    """Past the calendar's end no working day can be counted: the reader must know before the first figure."""
    if source.as_of <= source.calendar.last and not source.unjudged.value:
        return ()
    return say(
        "【工作日历未覆盖】工作日历自{first}起，至{last}止，此外的工作日无从计算。{last}以后办结的办件没有用时，"
        "{last}以后的比率和用时不完整；在办办件中有{unjudged}件不能判定是否逾期，未计入本报告的临期、逾期件数。",
        first=chinese_date(source.calendar.first),
        last=chinese_date(source.calendar.last),
        unjudged=source.unjudged,
    )


def silence(source: Source) -> str:
    """Departments whose data broke off: their figures are not small, they are missing."""
    if not source.silent:
        return ""
    told = "、".join(f"{name}（最后一条记录为{chinese_date(last)}）" for name, last in source.silent)
    return f"【数据中断】下列部门近两个月没有新数据，其后的件数和比率不完整：{told}。"


def unfinished(source: Source) -> str:
    """Why there is no 同比 and 环比: said once for the tables, whose cells are dashes."""
    if source.before:
        return ""
    month = source.period.last.month
    return f"{month}月未完：{month}月只计至{chinese_date(source.period.last)}，本期与上年同期、上期不作比较。"


def first_year(source: Source) -> str:
    """Stands before a growth since the records' first year, so that nobody quotes the one without the other."""
    return "上年同期为归集首年、办件可能不全，以下同比只供参考：" if source.starts_with_records else ""


def first_year_remark(source: Source) -> str:
    """Said after growth over a year in which the records began."""
    if not source.before or source.records_from.year != source.period.last.year - 1:
        return ""
    return f"（{source.records_from.year}年为归集首年，办件可能不全，同比仅供参考。）"


def flat_series(source: Source) -> str:
    """Rates of which 100 % month after month is too good, by name; empty where there are none."""
    rows = source.figures.read(
        "select metric_name, month_count from {marts}.agg_flat_series"
        " where dimension = 'district' and is_ongoing order by metric_name"
    )
    if not rows:
        return ""
    named = "、".join(f"{name}（连续{months}个月）" for name, months in rows)
    return f"全区{named}为100%，是警示，不是成绩，应当抽查原始记录。"


def coverage(source: Source) -> str:
    """Growth over the first year of the records is growth of the records: say so."""
    if source.before is None or source.records_from < source.before.first:
        return ""
    earliest = f"办件自{source.records_from.year}年{source.records_from.month}月起归集，"
    return f"{earliest}{'上年同期为归集首年' if source.starts_with_records else '没有上年同期数据'}。"
