"""Where things stand: the chart of open cases, and what the figures say is wrong."""

from __future__ import annotations

from decimal import Decimal

from yidang.reports.blocks import Chart, Cited, Table, Text
from yidang.reports.charts import short_label
from yidang.reports.facts import Department
from yidang.reports.figures import Figure, rows
from yidang.reports.prose import cell, cite, percent, say, with_n
from yidang.reports.reform import unfinished
from yidang.reports.source import ALERTS, Source, in_state, series_of

_BUSINESS = ("cases_received", "cases_decided", "on_time_rate")


def open_by_state(source: Source) -> Chart:
    cells = {
        state: source.figures.each(
            "cases_open", "department_id", [d.department_id for d in source.departments], in_state(rows(), state)
        )
        for state in ALERTS
    }
    if not any(figure.value for figure in cells["unjudged"].values()):
        del cells["unjudged"]
    return Chart(
        caption="各部门在办办件状态",
        kind="stacked",
        categories=short_label([department.name for department in source.departments]),
        series=tuple(
            series_of(label, [cells[state][d.department_id] for d in source.departments])
            for state, label in ALERTS.items()
            if state in cells
        ),
        unit="在办办件（件）",
        alt_text="堆积条形图：各部门在办办件的预警状态",
        sources=tuple(figure for part in cells.values() for figure in part.values()),
    )


STREETS = "各镇街在办办件（单位：件）"


def streets(source: Source) -> list[str]:
    """Streets with open cases, in the order of their names; '' are projects without one."""
    return [street or "" for street in source.figures.by("cases_open", "street", mart="fct_open_case")]


def open_by_street(source: Source) -> Table:
    found = source.figures.by("cases_open", "street", mart="fct_open_case")
    overdue = source.figures.by("cases_overdue_open", "street", mart="fct_open_case")
    lines = tuple(((street or "未标明",), cell(found[street]), cell(overdue[street])) for street in found)
    return Table(STREETS, ("镇街", "在办", "其中已逾期"), lines, (4, 3, 3))


def without_business(source: Source) -> list[str]:
    """Departments that in the period received nothing, decided nothing and had nothing due."""
    figures = [source.by_department(metric, source.period) for metric in _BUSINESS]
    return [d.name for d in source.departments if not any(part[d.department_id].n for part in figures)]


def doubts_of_overdue(source: Source) -> Text:
    """What follows the number of overdue cases: how many were probably finished, and how many nobody can judge yet."""
    finished = source.figures.one("cases_overdue_open_with_permit")
    text: Text = ()
    if finished.value:
        in_time = source.figures.one("cases_overdue_open_with_permit_in_time")
        text += say(
            "，其中{n}件的批复文件已经存在、疑已办结而未报（批复日期在承诺期限内的{in_time}件）",
            n=finished,
            in_time=in_time,
        )
    if source.unjudged.value:
        text += say("，有{n}件因工作日历未覆盖不能判定是否逾期", n=source.unjudged)
    return text


def problems(source: Source) -> list[Text]:
    """What the figures show, a sentence each; the reasons are for the departments to add."""
    found = (
        _late_departments(source),
        _overdue_open(source),
        _pauses(source),
        _corrections(source),
        _unmatched(source),
        *unfinished(source),
    )
    return [text for text in found if text]


def _late_departments(source: Source) -> Text:
    district = source.now("on_time_rate")
    figures = source.by_department("on_time_rate", source.period)
    if district.is_small:
        return ()
    below = sorted(
        (d for d in source.departments if _is_clearly_below(figures[d.department_id], district)),
        key=lambda d: figures[d.department_id].value,
    )
    if not below:
        return ()
    return say(
        "总体按时办结率为{district}。按95%置信区间判断，明显低于总体水平的部门有{list}。",
        district=with_n(district),
        list=_listing([(d.name, with_n(figures[d.department_id])) for d in below]),
    )


def _is_clearly_below(figure: Figure, district: Figure) -> bool:
    """Its whole interval lies below, as the note under the ranking asks: the rest differ by chance at most."""
    return not figure.is_small and figure.interval[1] < district.value


def _overdue_open(source: Source) -> Text:
    figures = source.by_department("cases_overdue_open", None)
    late = [
        (d.name, (cite(figures[d.department_id]), "件")) for d in source.departments if figures[d.department_id].value
    ]
    if late:
        return say(
            "超过承诺时限仍未办结的办件：{list}{doubts}。", list=_listing(late), doubts=doubts_of_overdue(source)
        )
    if source.unjudged.value:
        return say("在办办件中有{n}件因工作日历未覆盖不能判定是否超过承诺时限，其余没有超过。", n=source.unjudged)
    return ("截至统计日没有超过承诺时限仍未办结的办件。",)


def _pauses(source: Source) -> Text:
    overall = source.now("excluded_days_share")
    figures = source.by_department("excluded_days_share", source.period)
    if overall.is_small:
        return ()
    above = [d for d in _above(source, figures, overall) if _points_above(figures[d.department_id], overall) >= 5]
    return say(
        "不计入时限的天数占受理至办结总天数的{overall}{list}。暂停计时使净审批用时变短而申请人等待不变，应与办理用时一并考察。",
        overall=overall,
        list=("，高出总体五个百分点以上的有", *_listing([(d.name, (cite(figures[d.department_id]),)) for d in above]))
        if above
        else (),
    )


def _corrections(source: Source) -> Text:
    overall = source.now("correction_rate")
    figures = source.by_department("correction_rate", source.period)
    if overall.is_small or not overall.value:
        return ()
    above = [d for d in _above(source, figures, overall) if figures[d.department_id].interval[0] > overall.value]
    if not above:
        return ()
    return say(
        "补正率为{overall}，按95%置信区间判断明显高于总体的有{list}，一次性告知和办事指南有待改进。",
        overall=with_n(overall),
        list=_listing([(d.name, with_n(figures[d.department_id])) for d in above]),
    )


def _unmatched(source: Source) -> Text:
    unmatched = source.figures.one("cases_received", rows(source.period, project_code=None))
    if not unmatched.value:
        return ()
    return say(
        "本期收件中有{unmatched}件未能归集到项目，只计入部门和事项的统计，不计入项目和阶段的统计。",
        unmatched=unmatched,
    )


# -- small parts ------------------------------------------------------------------------------------------
def _above(source: Source, figures: dict[str, Figure], overall: Figure) -> list[Department]:
    """Every department above the whole as printed, highest first: who reads the tables finds the same."""
    large = [d for d in source.departments if not figures[d.department_id].is_small]
    above = [d for d in large if percent(figures[d.department_id]) > percent(overall)]
    return sorted(above, key=lambda d: -figures[d.department_id].value)


def _points_above(figure: Figure, overall: Figure) -> Decimal:
    return percent(figure) - percent(overall)


def _listing(entries: list[tuple[str, Text]]) -> Text:
    parts: list[str | Cited] = []
    for place, (name, text) in enumerate(entries):
        parts += ["、" if place else "", name, *text]
    return tuple(parts)


PIECES = {"各部门在办办件状态": open_by_state, STREETS: open_by_street}
