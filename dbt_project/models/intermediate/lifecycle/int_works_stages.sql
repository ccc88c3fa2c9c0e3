{{ config(
    materialized='incremental',
    incremental_strategy='replace_changed',
    unique_key='project_code',
    indexes=[{'columns': ['project_code']}, {'columns': ['works_code']}]
) }}

{#- The one pass over the cases: everything about stages, 工程 and projects adds up from these rows. -#}

-- read in place: named twice, all their columns would be written aside
with cases as not materialized (
    select * from {{ ref('int_item_instances') }}
    where project_code is not null and {{ only_changed('project_code') }}
),

case_days as (
    select * from {{ ref('int_case_days') }}
    where {{ only_changed('project_code') }}
),

-- one application for several items
joint_applications as (
    select
        works_code,
        parallel_group_code
    from cases
    where parallel_group_code is not null
    group by works_code, parallel_group_code
    having min(item_code) != max(item_code)
)

select
    cases.project_code,
    cases.works_code,
    cases.stage_number,
    count(*) as case_count,
    count(*) filter (where cases.is_decided) as decided_case_count,
    count(*) filter (where cases.outcome = 'passed') as passed_case_count,
    count(*) filter (where cases.is_open) as open_case_count,
    count(*) filter (where cases.is_open and cases.is_overdue) as overdue_case_count,
    count(*) filter (where cases.outcome in ('withdrawn', 'not_accepted')) as withdrawn_case_count,
    count(joint_applications.parallel_group_code) as parallel_case_count,
    sum(cases.correction_count) as correction_count,
    sum(cases.pause_count) as pause_count,
    sum(cases.promised_limit) filter (where cases.limit_unit = 'working_days' and cases.accepted_date is not null)
        as promised_working_days,
    sum(cases.statutory_limit) filter (where cases.statutory_unit = 'working_days' and cases.accepted_date is not null)
        as statutory_working_days,
    sum(cases.promised_limit - cases.elapsed_working_days)
        filter (where cases.is_decided and cases.limit_unit = 'working_days') as working_days_saved,
    min(cases.item_code) as first_item_code,
    max(cases.item_code) as last_item_code,
    bool_or(cases.pace_state is not null) as has_pace,
    bool_or(cases.is_open and cases.is_overdue) as has_late_open_case,
    max({{ alert_rank('cases.alert_state') }}) filter (where cases.is_open) as alert_rank,
    min(cases.received_date) as first_received_date,
    min(cases.accepted_date) as first_accepted_date,
    max(cases.decided_date) as last_decided_date,
    max(cases.last_event_at)::date as last_event_date,
    sum(case_days.elapsed_working_days) as sum_item_days,
    max(case_days.elapsed_working_days) as max_item_days,
    min(case_days.start_date) as first_start_date,
    max(case_days.end_date) as last_end_date,
    min(case_days.start_number) as first_start_number,
    max(case_days.end_number) as last_end_number,
    range_agg(case_days.run_workdays) as run_workdays,
    range_agg(case_days.active_workdays) as active_workdays,
    {%- for party in responsible_parties() %}
    range_agg(case_days.{{ party.id }}_pause_workdays) as {{ party.id }}_pause_workdays
    {%- if not loop.last %},{% endif %}
    {%- endfor %}
from cases
left join case_days using (case_id)
left join joint_applications
    on joint_applications.works_code = cases.works_code
    and joint_applications.parallel_group_code = cases.parallel_group_code
group by cases.project_code, cases.works_code, cases.stage_number
