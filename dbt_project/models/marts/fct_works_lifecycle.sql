{{ config(materialized='view') }}

with works as (
    select
        *,
        case
            when has_late_open_case then 'late'
            when not coalesce(has_pace, false) then null
            when working_days_saved > 0 then 'ahead'
            else 'normal'
        end as pace_state,
        {{ alert_of_rank('alert_rank') }} as alert_state
    from {{ ref('int_works_lifecycles') }}
),

projects as (
    select * from {{ ref('int_project_lifecycles') }}
),

kinds as (
    select * from {{ ref('milestones') }}
),

stamp as (
    select * from {{ stamp_of('int_works_lifecycles') }} as stamp
),

code_lists as (
    select * from {{ ref('code_lists') }}
)

select
    works.works_code,
    works.project_code,
    works.works_code = works.project_code as is_whole_project,
    {{ mask_project_name('coalesce(works.works_name, projects.project_name)', 'works.is_household_pv') }} as works_name,
    works.predecessor_works_codes,
    works.flow_type_code as flow_type,
    flow_types.name as flow_type_name,
    works.flow_code,
    works.region_code,
    works.is_household_pv,
    {%- for milestone in milestones() %}
    works.{{ milestone.name }}_date,
    {%- endfor %}
    works.planned_start_date,
    works.planned_completion_date,
    works.current_milestone,
    kinds.milestone_name as current_milestone_name,
    works.current_stage_number,
    stages.name as current_stage_name,
    {%- for number in range(1, 5) %}
    works.stage_{{ number }}_started_date,
    works.stage_{{ number }}_finished_date,
    {%- endfor %}
    not works.is_finished and not works.is_withdrawn and not projects.is_withdrawn as is_open,
    works.is_finished,
    works.is_withdrawn or (projects.is_withdrawn and not works.is_finished) as is_withdrawn,
    not works.is_finished
    and not works.is_withdrawn
    and not projects.is_withdrawn
    and coalesce(works.last_event_date, projects.registered_date) < stamp.as_of - {{ var('stalled_after_days') }} as is_stalled,
    works.case_count,
    works.project_case_count,
    works.decided_case_count,
    works.open_case_count,
    works.overdue_case_count,
    works.parallel_case_count,
    works.correction_count,
    works.pause_count,
    works.promised_working_days::integer as promised_working_days,
    works.statutory_working_days::integer as statutory_working_days,
    works.approval_working_days,
    works.side_working_days,
    {%- for column in time_columns() %}
    works.{{ column }},
    {%- endfor %}
    1 - works.approval_working_days::numeric / nullif(works.sum_item_days, 0) as overlap_share,
    works.parallel_case_count::numeric / nullif(works.case_count, 0) as parallel_share,
    works.pace_state,
    pace.word as pace_name,
    pace.colour as pace_colour,
    works.alert_state,
    alert.word as alert_name,
    alert.colour as alert_colour,
    works.first_received_date,
    works.last_event_date as last_activity_date,
    date_trunc('month', works.completion_date)::date as completed_month,
    stamp.as_of,
    stamp.calendar_version,
    stamp.rule_version
from works
inner join projects using (project_code)
cross join stamp
left join kinds on kinds.milestone = works.current_milestone
left join code_lists as flow_types
    on flow_types.code_list = 'flow_type'
    and flow_types.code = works.flow_type_code
left join code_lists as stages
    on stages.code_list = 'stage'
    and stages.code = works.current_stage_number::text
{{ join_palette('pace', 'works.pace_state') }}
{{ join_palette('alert', 'works.alert_state') }}
