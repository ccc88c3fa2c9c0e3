{{ config(materialized='view') }}

with projects as (
    select * from {{ ref('int_project_lifecycles') }}
),

flows as (
    select distinct on (flow_code) flow_code, flow_name
    from {{ ref('int_flows') }}
    order by flow_code, effective_from desc
),

kinds as (
    select * from {{ ref('milestones') }}
),

stamp as (
    select * from {{ stamp_of('int_project_lifecycles') }} as stamp
),

code_lists as (
    select * from {{ ref('code_lists') }}
)

select
    projects.project_code,
    {{ mask_project_name('projects.project_name', 'projects.is_household_pv') }} as project_name,
    {{ mask_name('projects.owner_name', 'null') }} as owner_name,
    projects.flow_type_code as flow_type,
    flow_types.name as flow_type_name,
    projects.flow_code,
    flows.flow_name,
    investment_sources.name as investment_source_name,
    projects.total_investment_wan,
    projects.region_code,
    projects.street,
    projects.is_major,
    projects.is_household_pv,
    {%- for milestone in milestones() %}
    projects.{{ milestone.name }}_date,
    {%- endfor %}
    projects.withdrawn_date,
    projects.current_milestone,
    kinds.milestone_name as current_milestone_name,
    projects.current_stage_number,
    stages.name as current_stage_name,
    projects.is_open,
    projects.is_withdrawn,
    projects.is_open and projects.last_activity_date < stamp.as_of - {{ var('stalled_after_days') }} as is_stalled,
    projects.awaits_unreported_works,
    projects.works_count,
    projects.finished_works_count,
    projects.case_count,
    projects.decided_case_count,
    projects.open_case_count,
    projects.overdue_case_count,
    projects.parallel_case_count,
    projects.correction_count,
    projects.pause_count,
    projects.approval_working_days,
    projects.approval_working_days_union,
    projects.side_working_days,
    {%- for column in time_columns() %}
    projects.{{ column }},
    {%- endfor %}
    1 - projects.approval_working_days_union::numeric / nullif(projects.sum_item_days, 0) as overlap_share,
    projects.parallel_case_count::numeric / nullif(projects.case_count, 0) as parallel_share,
    projects.promised_working_days,
    projects.statutory_working_days,
    projects.pace_state,
    pace.word as pace_name,
    pace.colour as pace_colour,
    projects.alert_state,
    alert.word as alert_name,
    alert.colour as alert_colour,
    projects.next_due_case_id,
    projects.next_due_item_name,
    projects.next_due_date,
    projects.next_due_department_id,
    projects.next_due_department_name,
    projects.next_due_office_name,
    projects.next_due_alert_state,
    projects.late_case_id,
    projects.late_item_name,
    projects.late_department_name,
    projects.late_office_name,
    projects.late_accepted_date,
    projects.late_due_date,
    projects.late_working_days,
    projects.late_stage_number,
    projects.late_stage_working_days,
    projects.late_stage_limit,
    case when projects.pace_state = 'late' then nullif(concat_ws(
        '；',
        coalesce(projects.late_item_name, '事项未填') || '（' || regexp_replace(projects.late_case_id, '^[^:]*:', '') || '）：'
        || concat_ws('·', projects.late_department_name, projects.late_office_name)
        || {{ chinese_date('projects.late_accepted_date') }} || '受理，'
        || {{ chinese_date('projects.late_due_date') }} || '到期'
        || coalesce('，逾期' || projects.late_working_days || '个工作日', ''),
        case when projects.overdue_case_count > 1 then '另有' || (projects.overdue_case_count - 1) || '件逾期' end,
        late_stages.name || '阶段用时' || projects.late_stage_working_days || '个工作日，时限'
        || projects.late_stage_limit || '个工作日'
    ), '') end as late_reason,
    projects.first_received_date,
    projects.last_activity_date,
    date_trunc('month', projects.completion_date)::date as completed_month,
    date_trunc('month', projects.registered_date)::date as registered_month,
    stamp.as_of,
    stamp.calendar_version,
    stamp.rule_version
from projects
cross join stamp
left join flows using (flow_code)
left join kinds on kinds.milestone = projects.current_milestone
left join code_lists as flow_types
    on flow_types.code_list = 'flow_type'
    and flow_types.code = projects.flow_type_code
left join code_lists as investment_sources
    on investment_sources.code_list = 'investment_source'
    and investment_sources.code = projects.investment_source_code
left join code_lists as stages
    on stages.code_list = 'stage'
    and stages.code = projects.current_stage_number::text
left join code_lists as late_stages
    on late_stages.code_list = 'stage'
    and late_stages.code = projects.late_stage_number::text
{{ join_palette('pace', 'projects.pace_state') }}
{{ join_palette('alert', 'projects.alert_state') }}
