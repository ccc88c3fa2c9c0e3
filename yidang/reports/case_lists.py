"""Lists of single cases for a bulletin: which are late, how late, held by whom, and what was answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from yidang.reports.blocks import Cited
from yidang.reports.figures import Figures, Period, Reading
from yidang.reports.marks import Marks
from yidang.reports.template import FillError

# Each gives: case, number, department, item, project, due date, working days (late or left), share of pauses, cause,
# promised date, whether its permit exists, its day if known, whether past the statutory limit too.
_OPEN = """
select
    open_cases.case_id,
    open_cases.instance_code,
    open_cases.department_id,
    open_cases.department_name,
    open_cases.item_name,
    open_cases.project_name,
    open_cases.due_date,
    abs(open_cases.remaining_working_days),
    open_cases.excluded_working_days::numeric / nullif(open_cases.gross_working_days, 0),
    coalesce(answers.answer_reason, open_cases.pause_reason),
    answers.promised_date,
    open_cases.is_finish_withheld,
    open_cases.suspected_finish_date,
    open_cases.is_statutory_overdue
from {{marts}}.fct_open_case as open_cases
left join lateral (
    select answer_reason, promised_date
    from {{marts}}.fct_warning as warnings
    where warnings.case_id = open_cases.case_id
        and warnings.is_answered
        and warnings.answered_at::date <= open_cases.as_of
    order by warnings.answered_at desc
    limit 1
) as answers on true
where {condition}
order by {order}, open_cases.case_id
"""
_DECIDED_LATE = """
select
    case_id,
    instance_code,
    department_id,
    department_name,
    item_name,
    project_name,
    due_date,
    case when limit_unit = 'working_days' then elapsed_working_days - promised_limit end,
    excluded_working_days::numeric / nullif(gross_working_days, 0),
    null,
    null,
    false,
    null,
    is_statutory_overdue
from {marts}.fct_item_instance
left join (select project_code, project_name from {marts}.fct_project_lifecycle) as projects using (project_code)
where is_decided and pace_state = 'late' and decided_date between %s and %s
order by 8 desc nulls last, due_date, case_id
"""
_LISTS = {
    "在办逾期": _OPEN.format(
        condition="open_cases.is_overdue", order="open_cases.remaining_working_days, open_cases.due_date"
    ),
    "临期": _OPEN.format(condition="open_cases.alert_state = 'warn'", order="open_cases.due_date"),
    "暂停": _OPEN.format(
        condition="open_cases.alert_state = 'paused'", order="open_cases.paused_working_days desc nulls last"
    ),
    "本期逾期办结": _DECIDED_LATE,
}


@dataclass(frozen=True)
class ListedCase:
    """One case, in words. 天数: working days late, or left; — where the promise is in other days.

    存疑: what speaks for it being finished already.
    """

    办件号: str
    部门: str
    事项: str
    项目: str
    应办结: str
    天数: str
    暂停占比: str
    原因: str
    承诺办结: str
    存疑: str
    超法定: str


class CaseList(list[ListedCase]):
    """The first of a list; 总数 says how many there are.

    超法定: how many of these are past the statutory limit too. 无天数: of how many nobody counts the working days.
    """

    总数: int = 0
    超法定: int = 0
    无天数: int = 0


def case_list(figures: Figures, period: Period, marks: Marks, name: str, most: int) -> CaseList:
    """名单("在办逾期"): the worst first; its numbers lead to its query. Raises FillError for an unknown list."""
    if name not in _LISTS:
        raise FillError(f"没有“{name}”这个名单。", f"有：{'、'.join(_LISTS)}。")
    parameters = (period.first, period.last) if name == "本期逾期办结" else ()
    rows = figures.read(_LISTS[name], *parameters)
    cases = tuple(row[0] for row in rows)
    said = figures.said(_LISTS[name], *parameters)
    source = Reading(f"名单“{name}”各行", "", None, len(rows), said, "docs/dictionary.md", cases)
    listed = CaseList(_in_words(lambda text: marks.mark(Cited(text, source)), *row) for row in rows[:most])
    listed.总数 = len(rows)
    listed.超法定 = sum(bool(row[-1]) for row in rows)
    listed.无天数 = sum(row[7] is None for row in rows)
    return listed


def _in_words(
    cited: Callable[[str], str],
    case_id: str,
    instance_code: str | None,
    department_id: str,
    department: str,
    item: str | None,
    project: str | None,
    due: date | None,
    days: int | None,
    pause_share: float | None,
    reason: str | None,
    promised: date | None,
    has_permit: bool,
    permit_date: date | None,
    is_statutory_overdue: bool | None,
) -> ListedCase:
    return ListedCase(
        办件号=instance_code or case_id,
        部门=department,
        事项=item or "未标明",
        项目=project or "未归集",
        应办结=_day(due),
        天数="—" if days is None else cited(str(days)),
        暂停占比="—" if pause_share is None else cited(f"{100 * pause_share:.0f}%"),
        原因=reason or "待部门说明",
        承诺办结=_day(promised),
        存疑=_doubt(reason, due, permit_date) if has_permit else "",
        超法定="是" if is_statutory_overdue else "否",
    )


def _doubt(reason: str | None, due: date | None, permit_date: date | None) -> str:
    in_time = "（期限内）" if due and permit_date and permit_date <= due else ""
    return f"{reason + '；' if reason else ''}{permit_date or ''}{in_time}已出批复，疑已办结未报"


def _day(day: date | None) -> str:
    return day.isoformat() if day else "—"
