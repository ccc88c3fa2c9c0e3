{{ config(materialized='view') }}

with stages as (
    select * from {{ ref('int_stages') }}
),

stamp as (
    select * from {{ stamp_of('int_stages') }} as stamp
),

code_lists as (
    select * from {{ ref('code_lists') }}
)

select
    stages.works_code,
    stages.project_code,
    stages.works_code = stages.project_code as is_project_wide,
    stages.stage_number,
    stages.stage_numbers,
    names.name as stage_name,
    stages.local_stage_name,
    stages.flow_type_code as flow_type,
    flow_types.name as flow_type_name,
    stages.flow_code,
    stages.flow_version,
    stages.case_count,
    stages.decided_case_count,
    stages.open_case_count,
    stages.overdue_case_count,
    stages.first_received_date,
    stages.first_accepted_date,
    stages.last_decided_date,
    stages.finish_rule,
    stages.finished_date is not null as is_finished,
    stages.finished_date,
    stages.stage_limit,
    stages.is_over_stage_limit,
    stages.is_over_joint_limit,
    stages.sum_item_days,
    stages.active_working_days as union_active_days,
    stages.max_item_days,
    stages.span_working_days,
    stages.applicant_gap_days,
    stages.all_paused_days,
    stages.span_calendar_days,
    1 - stages.active_working_days::numeric / nullif(stages.sum_item_days, 0) as overlap_share,
    stages.parallel_case_count,
    stages.parallel_case_count::numeric / nullif(stages.case_count, 0) as parallel_share,
    stages.pace_state,
    pace.word as pace_name,
    pace.colour as pace_colour,
    date_trunc('month', stages.finished_date)::date as finished_month,
    stamp.as_of,
    stamp.calendar_version,
    stamp.rule_version
from stages
cross join stamp
left join code_lists as names
    on names.code_list = 'stage'
    and names.code = stages.stage_number::text
left join code_lists as flow_types
    on flow_types.code_list = 'flow_type'
    and flow_types.code = stages.flow_type_code
{{ join_palette('pace', 'stages.pace_state') }}
