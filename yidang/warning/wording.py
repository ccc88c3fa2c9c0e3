"""What people read of a warning, in Chinese: the message, and the same facts as rows for the form."""

from __future__ import annotations

from collections.abc import Mapping

MADE_UP = "虚构示例数据"
ROLES = {
    "handler": "经办人",
    "section_head": "科室负责人",
    "department_lead": "部门分管负责人",
    "task_force": "改革专班",
}
_UNITS = {"working_days": "个工作日", "calendar_days": "天", "working_hours": "个工作小时", "hours": "小时"}
_PAUSES = {"special": "特别程序", "suspension": "挂起", "correction": "补正"}
_TASKS = {
    "overdue_3": "现予督办，请尽快办结，并书面说明原因和承诺办结日期",
    "paused": "请核实能否恢复办理，并说明原因和承诺日期",
    "stalled": "请核实项目状况，并说明原因和承诺日期",
}
_TASK = "请尽快办理，并说明原因和承诺办结日期"


def headline(level: str, facts: Mapping) -> str:
    """What is the matter, in a few words. facts: `evaluated` of the warning."""
    late = facts.get("overdue_working_days")
    words = {
        "warn": f"预警：剩余 {facts.get('remaining_working_days')} 个工作日",
        "due": "今日到期",
        "overdue_1": f"逾期 {late} 个工作日",
        "overdue_3": f"督办：逾期 {late} 个工作日",
        "paused": "暂停超过计划",
        "paused_unanswered": "暂停超过计划，仍未答复",
        "stalled": "项目停滞",
        "stalled_unanswered": "项目停滞，仍未答复",
    }[level]
    return f"{words}（原承诺 {facts['broken_promise']} 已过）" if "broken_promise" in facts else words


def rows(facts: Mapping, project_code: str | None) -> list[tuple[str, str]]:
    """The numbers behind it as (label, value), what is not known left out."""
    limit, unit = facts.get("promised_limit"), _UNITS.get(facts.get("limit_unit") or "", "")
    planned_unit = _UNITS.get(facts.get("planned_unit") or "", "")
    pause = facts.get("pause_name") or _PAUSES.get(facts.get("pause_kind") or "")
    remaining = facts.get("remaining_working_days")
    found = [
        ("事项", facts.get("item_name")),
        ("办件编号", facts.get("instance_code")),
        ("项目", facts.get("project_name")),
        ("项目代码", project_code),
        ("阶段", facts.get("stage_name")),
        ("受理日期", facts.get("accepted_date")),
        ("承诺时限", f"{limit} {unit}" if limit is not None else None),
        ("承诺到期日", facts.get("due_date")),
        ("剩余", f"{remaining} 个工作日" if remaining is not None and remaining >= 0 else None),
        ("逾期", f"{facts['overdue_working_days']} 个工作日" if facts.get("overdue_working_days") else None),
        ("暂停", f"{pause}，{facts['paused_since']} 起" if "paused_since" in facts else None),
        ("已暂停", f"{facts['paused_days']} {planned_unit}" if "paused_days" in facts else None),
        ("计划暂停", f"{facts['planned_days']} {planned_unit}" if "planned_days" in facts else None),
        ("最近进展", facts.get("last_activity_date")),
        ("已停滞", f"{facts['idle_calendar_days']} 天" if "idle_calendar_days" in facts else None),
        ("数据截至", facts.get("as_of")),
    ]
    return [(label, str(value)) for label, value in found if value not in (None, "")]


def subject(level: str, facts: Mapping) -> str:
    """Of a mail."""
    about = facts.get("item_name") or facts.get("project_name") or ""
    return f"{_prefix(facts)}{headline(level, facts)}：{about}"


def short(level: str, facts: Mapping, project_code: str | None, link: str) -> str:
    """One paragraph, for an SMS or a group chat."""
    parts = [f"{facts.get('item_name', '')}（{facts['instance_code']}）"] if "instance_code" in facts else []
    parts += [facts.get("project_name") or project_code or ""]
    parts += [f"{facts['due_date']} 到期"] if "due_date" in facts else []
    if "paused_since" in facts:
        unit = _UNITS.get(facts["planned_unit"], "")
        parts += [
            f"{facts['paused_since']} 起已暂停 {facts['paused_days']} {unit}，计划 {facts['planned_days']} {unit}"
        ]
    parts += [f"{facts['idle_calendar_days']} 天无进展"] if "idle_calendar_days" in facts else []
    about = "，".join(part for part in parts if part)
    return f"{_prefix(facts)}{headline(level, facts)}。{about}（数据截至 {facts['as_of']}）。{_task(level)}：{link}"


def letter(level: str, facts: Mapping, project_code: str | None, link: str) -> str:
    """The text of a mail."""
    lines = [f"{_prefix(facts)}{headline(level, facts)}", ""]
    lines += [f"{label}：{value}" for label, value in rows(facts, project_code)]
    lines += ["", f"{_task(level)}：", link, "", "此链接只供收件人答复一次，请勿转发。"]
    lines += [f"计算依据：工作日历 {facts['calendar_version']}，规则 {facts['rule_version']}。"]
    return "\n".join(lines) + "\n"


def _prefix(facts: Mapping) -> str:
    return f"【一档】{f'（{MADE_UP}）' if facts.get('is_example') else ''}"


def _task(level: str) -> str:
    return _TASKS.get(level) or _TASKS.get(level.removesuffix("_unanswered")) or _TASK
