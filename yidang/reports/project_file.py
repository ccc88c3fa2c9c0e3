"""项目档案 (一档): everything that is known of one project, on a few pages."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache, partial
from pathlib import Path
from types import SimpleNamespace

from yidang.errors import YidangError
from yidang.reports import archive, documents, notes
from yidang.reports.archive import ReportFiles
from yidang.reports.blocks import Chart, Cited, Span
from yidang.reports.documents import Kind
from yidang.reports.figures import Figures, Period, Reading
from yidang.reports.marks import Marks
from yidang.reports.prose import chinese_date
from yidang.reports.snapshot import figures_as_of
from yidang.reports.source import Source
from yidang.settings import Settings

GANTT = "项目进程"
# The lanes of the chart, in order; a long project is drawn by its stages and slowest cases.
_MOST_LANES = 18
_PROJECT = """
select
    project_name as 名称, project_code as 代码, coalesce(flow_type_name, '未标明') as 流程类型,
    coalesce(investment_source_name, '未标明') as 投资来源, total_investment_wan as 总投资,
    coalesce(street, '未标明') as 镇街, is_major as 重大, registered_date as 登记,
    first_received_date as 首次收件, completion_date as 竣工, coalesce(current_milestone_name, '未标明') as 最近里程碑,
    coalesce(current_stage_name, '未标明') as 当前阶段,
    is_open as 在建,
    coalesce(pace_name, '未标明') as 快慢,
    late_reason as 原因,
    coalesce(alert_name, '未标明') as 预警,
    coalesce(next_due_date < as_of, false) as 下一已过,
    works_count as 工程数, case_count as 办件数,
    decided_case_count as 办结数, open_case_count as 在办数, overdue_case_count as 逾期数, correction_count as 补正次数,
    pause_count as 暂停次数, approval_working_days as 净审批用时, span_working_days as 跨度工作日,
    span_calendar_days as 跨度自然日, department_working_days as 部门用时,
    government_agency_working_days as 政府中介用时, utility_working_days as 公用服务用时,
    owner_agency_working_days as 业主中介用时, owner_working_days as 业主用时,
    next_due_item_name as 下一事项, next_due_date as 下一到期,
    next_due_department_name as 下一部门, next_due_office_name as 下一科室,
    next_open.is_finish_withheld as 下一疑已办结, next_open.suspected_finish_date as 下一批复日期
from {marts}.fct_project_lifecycle
left join (select case_id, is_finish_withheld, suspected_finish_date from {marts}.fct_open_case) as next_open
    on next_open.case_id = next_due_case_id
where project_code = %s
"""
_LISTS = {
    "里程碑": """
        select
            lane as 名称, coalesce(right(nullif(works_code, project_code), 3), '项目') as 工程, started_date as 日期,
            detail as 说明
        from {marts}.fct_project_timeline
        where project_code = %s and lane_kind = '里程碑' order by started_date, lane, works_code""",
    "阶段": """
        select
            coalesce(right(nullif(works_code, project_code), 3), '项目') as 工程,
            stage_number || ' ' || stage_name as 名称, first_received_date as 收件,
            finished_date as 完成, decided_case_count || '/' || case_count as 办结, union_active_days as 用时,
            stage_limit as 时限,
            case
                when pace_state is null and stage_limit is not null then '未受理' else coalesce(pace_name, '进行中')
            end as 状态
        from {marts}.fct_stage where project_code = %s order by works_code, stage_number""",
    "办件": """
        select
            case_id as 标识, coalesce(instance_code, case_id) as 办件号, item_name as 事项, short_name as 部门,
            received_date as 收件, accepted_date as 受理, due_date as 应办结, closed_date as 办结,
            elapsed_working_days as 用时,
            promised_limit as 承诺,
            coalesce(case when is_open then alert_name when is_decided then pace_name end, outcome_name)
                || case when is_finish_withheld then '（疑已办结）' else '' end as 状态
        from {marts}.fct_item_instance
        left join (select case_id, is_finish_withheld from {marts}.fct_open_case) as open_cases using (case_id)
        left join (select department_id, short_name from {marts}.dim_department) as departments using (department_id)
        where project_code = %s
        order by coalesce(received_date, accepted_date), case_id""",
    "暂停": """
        select lane as 事项, started_date as 开始, ended_date as 结束, detail as 说明 from {marts}.fct_project_timeline
        where project_code = %s and lane_kind = '暂停' order by started_date, lane""",
    "批文": """
        select lane as 名称, detail as 文号, started_date as 日期 from {marts}.fct_project_timeline
        where project_code = %s and lane_kind = '批文证照' order by started_date, lane""",
    "重大项目": """
        select
            list_year as 年份, level_name as 级别, lead_post as 挂联领导, chief_code as 项目长,
            specialist_code as 服务专员, planned_start_date as 计划开工, progress_name as 进展
        from {marts}.fct_major_project where project_code = %s and is_counted order by list_year""",
    "代办": """
        select
            role_name as 角色, unit_name as 单位, assigned_date as 派单, first_response_date as 首次响应,
            response_working_days as 用时, ended_date as 结束
        from {marts}.fct_agent_service where project_code = %s order by assigned_date, service_id""",
    "问题": """
        select
            title as 问题, source_name as 来源, owner_unit_name as 责任单位, reported_date as 提出,
            feedback_date as 反馈, solved_date as 解决, state_name as 状态
        from {marts}.fct_problem where project_code = %s order by reported_date, problem_id""",
    "中介": """
        select
            category as 类别, commissioner_name as 委托方, ordered_date as 委托, delivered_date as 交付,
            working_days as 用时
        from {marts}.fct_agency_order where project_code = %s order by ordered_date, agency_order_id""",
    "方式": """
        select
            mode_name as 方式, coalesce(item_name, item_code) as 事项, decided_date as 决定, duty_name as 义务,
            due_date as 应于, done_date as 办理, duty_state_name as 状态
        from {marts}.fct_case_mode
        where project_code = %s and not is_repeated order by accepted_date, case_mode_id""",
    "计划": """
        select
            coalesce(item_name, item_code) as 事项, planned_start_date as 计划开始, planned_end_date as 计划完成,
            started_date as 实际开始, granted_date as 实际完成, state_name as 状态
        from {marts}.fct_project_plan where project_code = %s order by planned_start_date, planned_end_date, plan_id""",
    "竣工预测": """
        select
            forecast_name as 预测, expected_working_days as 还需, expected_date as 预计,
            expected_date_p10 as 最早, expected_date_p90 as 最晚,
            forecast_state = 'forecast' and not is_expected_reached as 未达到, stratum_project_count as 样本
        from {marts}.fct_project_forecast where project_code = %s""",
    "办件预测": """
        select
            item_name as 事项, due_date as 应办结, forecast_name as 预测,
            case when forecast_state = 'forecast' then round(100 * late_probability::numeric) || '%%（'
                || round(100 * late_probability_lower::numeric) || '%%—'
                || round(100 * late_probability_upper::numeric) || '%%）' end as 概率,
            expected_date as 预计, expected_date_p90 as 最晚, at_risk_count as 样本
        from {marts}.fct_case_forecast
        inner join {marts}.fct_item_instance using (project_code, case_id)
        where project_code = %s order by due_date, case_id""",
    "疑点": """
        select rule_name as 规则, severity as 级别, detail as 说明 from {marts}.issue_log
        where project_code = %s order by severity, rule_name, detail""",
}
# Where what the columns mean is written; lists of which the project's cases are what lies behind; rates written out.
_WHERE_TOLD = "docs/dictionary.md"
_OF_CASES = ("阶段", "办件", "暂停")
_NUMERIC_TEXTS = ("办结", "概率")


def write_project_file(
    settings: Settings,
    *,
    code: str,
    as_of: date | None = None,
    output_dir: Path | None = None,
    template: Path | None = None,
) -> ReportFiles:
    """Write one project's file (documents.write). Raises YidangError for a code that no project has."""
    return documents.write(
        settings,
        kind(code),
        name=_name(code),
        period=partial(_period, code),
        as_of=as_of,
        output_dir=output_dir or _folder(settings) / _name(code),
        template=template,
    )


def write_project_files(
    settings: Settings, *, major_only: bool = False, most: int | None = None, output_dir: Path | None = None
) -> int:
    """Write the file of every project (every major one, the first `most`), without PDF, on all processors.

    output_dir: holds a folder per project; default `<home>/reports/projects`. Returns how many.
    """
    statement = (
        "select project_code from {marts}.fct_project_lifecycle where is_major or not %s order by project_code limit %s"
    )
    with figures_as_of(settings, None) as figures:
        codes = [code for (code,) in figures.read(statement, major_only, most)]
    workers = min(os.cpu_count() or 1, len(codes) or 1)
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        shares = (codes[place::workers] for place in range(workers))
        return sum(pool.map(partial(_write_some, settings, output_dir or _folder(settings)), shares))


def _write_some(settings: Settings, folder: Path, codes: list[str]) -> int:
    with figures_as_of(settings, None) as figures:
        for code in codes:
            made = documents.make(settings, kind(code), figures, _period(code, figures), None)
            archive.keep(settings, made, folder / _name(code), _name(code), with_pdf=False)
    return len(codes)


def _name(code: str) -> str:
    return f"project-{code}"


def _folder(settings: Settings) -> Path:
    return settings.reports_dir / "projects"


def kind(code: str) -> Kind:
    return Kind(
        "project",
        partial(_title, code),
        partial(_names, code),
        {GANTT: partial(_gantt, code)},
        needs_cases=False,
        has_remarks=False,
    )


def _period(code: str, figures: Figures) -> Period:
    """From the project's first day to the day of the figures."""
    project = _project(code, figures)
    first = project.首次收件 or project.登记 or figures.snapshot.as_of
    return Period(min(first, figures.snapshot.as_of), figures.snapshot.as_of)


def _title(code: str, source: Source) -> str:
    return f"{_project(code, source.figures).名称 or code}项目档案"


def _names(code: str, source: Source, marks: Marks) -> dict[str, object]:
    figures, project = source.figures, vars(_project(code, source.figures))
    found = {name: figures.read_named(statement, code) for name, statement in _LISTS.items()}
    cases = tuple(row["标识"] for row in found["办件"])
    lists = {}
    for name, rows in found.items():
        behind = cases if name in _OF_CASES else ()
        told = Reading(f"“{name}”各行", "", None, len(rows), figures.said(_LISTS[name], code), _WHERE_TOLD, behind)
        lists[name] = [_cited(row, marks, dict.fromkeys(row, told)) for row in rows]
    said = figures.said(_PROJECT, code)
    alone = {
        name: Reading(name, "", Decimal(value), len(cases), said, _WHERE_TOLD, cases)
        for name, value in project.items()
        if _is_number(value)
    }
    head = f"{project['名称'] or ''}　{code}"
    return {
        "项目": _cited(project, marks, alone),
        "或": _or_dash,
        "表内": _in_table,
        "页眉": notes.page_header(source, head) or head,
        **lists,
    }


def _cited(row: dict[str, object], marks: Marks, sources: dict[str, Reading]) -> SimpleNamespace:
    """A row for the template: its numbers compare as numbers do and print as marks that lead to their evidence."""
    told = {
        name: _told(value, marks.mark(Cited(str(value), sources[name])))
        for name, value in row.items()
        if _is_number(value) or (isinstance(value, str) and name in _NUMERIC_TEXTS)
    }
    return SimpleNamespace(**row | told)


def _is_number(value: object) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _told(value: object, mark: str) -> object:
    made = _TOLD[type(value)](value)
    made.mark = mark
    return made


class _Told:
    """A value that prints as the mark of its evidence."""

    mark: str

    def __str__(self) -> str:
        return self.mark


class _ToldInteger(_Told, int):
    pass


class _ToldDecimal(_Told, Decimal):
    pass


class _ToldText(_Told, str):
    pass


_TOLD = {int: _ToldInteger, Decimal: _ToldDecimal, str: _ToldText}


@lru_cache(maxsize=4)
def _project(code: str, figures: Figures) -> SimpleNamespace:
    found = figures.read_named(_PROJECT, code)
    if not found:
        raise YidangError(
            f"There is no project {code} in the marts.",
            'Look for it: yidang sql "select project_code, project_name from fct_project_lifecycle"',
        )
    return SimpleNamespace(**found[0])


def _in_table(value: object) -> str:
    """As a table shows it: dates in short."""
    return value.isoformat() if isinstance(value, date) else _or_dash(value)


def _or_dash(value: object) -> str:
    """A date or number as prose has it; a dash where there is none."""
    if value is None:
        return "—"
    return chinese_date(value) if isinstance(value, date) else str(value)


@dataclass(frozen=True)
class _Lane:
    kind: str
    name: str
    first: date
    last: date
    state: str


def _gantt(code: str, source: Source) -> Chart:
    rows = source.figures.read(
        # a stage is one 工程's, of which a project may have several
        "select lane_kind, lane || case when lane_kind = '阶段'"
        " then coalesce('（' || right(nullif(works_code, project_code), 3) || '）', '') else '' end,"
        " started_date, ended_date, state from {marts}.fct_project_timeline"
        " where project_code = %s and lane_kind in ('里程碑', '阶段', '办件', '暂停')"
        " order by lane_order, started_date, lane, works_code",
        code,
    )
    lanes = [_Lane(*row) for row in rows]
    bars = [lane for lane in lanes if lane.kind in ("阶段", "办件")]
    longest = sorted(bars, key=lambda lane: (lane.kind != "阶段", lane.first - lane.last))[:_MOST_LANES]
    shown = [lane for lane in bars if lane in longest]
    pauses = [lane for lane in lanes if lane.kind == "暂停"]
    spans = []
    for place, lane in enumerate(shown):
        spans.append(Span(place, lane.first, lane.last, lane.kind, lane.state))
        if lane.kind == "办件":
            spans += [
                Span(place, pause.first, pause.last, "暂停", "")
                for pause in pauses
                if pause.name == lane.name and lane.first <= pause.first <= lane.last
            ]
    milestones = (lane for lane in lanes if lane.kind == "里程碑")
    spans += [Span(-1, lane.first, lane.last, "里程碑", str(n)) for n, lane in enumerate(milestones, start=1)]
    rest = len(bars) - len(shown)
    left_out = f"；另有{rest}个用时较短的未画" if rest else ""
    return Chart(
        caption=GANTT,
        kind="gantt",
        categories=tuple(f"{lane.kind} {lane.name}" for lane in shown),
        series=(),
        unit="",
        alt_text="时间图：各阶段、办件和暂停的起止",
        sources=(),
        note=f"注：深色为阶段，浅色为办件，斜线为暂停，竖线为里程碑，编号见表内序号{left_out}。",
        spans=tuple(spans),
    )
