{{ config(
    materialized='incremental',
    incremental_strategy='replace_changed',
    unique_key='project_code',
    indexes=[{'columns': ['project_code'], 'unique': true}]
) }}

with projects as (
    select * from {{ ref('int_projects') }}
    where {{ only_changed('project_code') }}
),

-- read in place: named twice, all their columns would be written aside
works_stages as not materialized (
    select * from {{ ref('int_works_stages') }}
    where {{ only_changed('project_code') }}
),

works as (
    select * from {{ ref('int_works_lifecycles') }}
    where {{ only_changed('project_code') }}
),

open_cases as (
    select * from {{ ref('int_item_instances') }}
    where is_open and project_code is not null and {{ only_changed('project_code') }}
),

stages as (
    select * from {{ ref('int_stages') }}
    where {{ only_changed('project_code') }}
),

agency_workdays as (
    select * from {{ ref('int_agency_workdays') }}
),

counts as (
    select
        project_code,
        {%- for column in case_counts() %}
        sum({{ column }})::integer as {{ column }},
        {%- endfor %}
        sum(promised_working_days)::integer as promised_working_days,
        sum(statutory_working_days)::integer as statutory_working_days,
        sum(working_days_saved) as working_days_saved,
        bool_or(has_pace) as has_pace,
        bool_or(has_late_open_case) as has_late_open_case,
        max(alert_rank) as alert_rank,
        min(first_received_date) as first_received_date,
        max(last_event_date) as last_event_date,
        range_agg(active_workdays) filter (where stage_number = 5) as side_workdays
    from works_stages
    group by project_code
),

{{ sequential_times('works_stages', 'project_code') }},

-- the stage that is furthest over its limit
late_stages as (
    select distinct on (project_code)
        project_code,
        stage_number,
        active_working_days,
        stage_limit
    from stages
    where is_over_stage_limit
    order by project_code, active_working_days - stage_limit desc, stage_number
),

-- a 工程 that was given up holds its project up no longer
works_milestones as (
    select
        project_code,
        (count(*) filter (where works_code != project_code))::integer as works_count,
        (count(*) filter (where works_code != project_code and is_finished))::integer as finished_works_count,
        max(approval_working_days) as longest_works_days,
        max(current_stage_number) as current_stage_number,
        min(flow_code) as flow_code,
        {%- for milestone in milestones() %}
        {%- if milestone.of_project == 'first' %}
        min({{ milestone.name }}_date) as {{ milestone.name }}_date
        {%- elif milestone.of_project == 'last' %}
        case when bool_and({{ milestone.name }}_date is not null or is_finished or is_withdrawn) then max({{ milestone.name }}_date) end
            as {{ milestone.name }}_date
        {%- else %}
        case when bool_and({{ milestone.name }}_date is not null or is_withdrawn) then max({{ milestone.name }}_date) end
            as {{ milestone.name }}_date
        {%- endif %}
        {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from works
    group by project_code
),

-- the open case whose day comes first; one that is late already comes before all
next_due as (
    select distinct on (project_code) open_cases.*
    from open_cases
    where due_date is not null
    order by project_code, due_date, case_id
),

-- the open case that is longest over its promise
late_cases as (
    select distinct on (project_code) open_cases.*
    from open_cases
    where is_overdue
    order by project_code, remaining_working_days, due_date, case_id
),

-- A register that says of this project that it goes on, although every 工程 known here is finished, expects one that
-- nobody has reported yet. Registers that never say so (is_completed null) decide nothing.
judged as (
    select
        projects.project_code,
        coalesce(not projects.is_completed, false)
        and works_milestones.completion_date is not null as awaits_unreported_works,
        projects.is_terminated and coalesce(projects.terminated_at::date <= {{ as_of() }}, true) as is_withdrawn,
        case when projects.terminated_at::date <= {{ as_of() }} then projects.terminated_at::date end as withdrawn_date
    from projects
    inner join works_milestones using (project_code)
)

select
    projects.project_code,
    projects.project_name,
    projects.owner_name,
    projects.flow_type_code,
    projects.investment_source_code,
    projects.total_investment_wan,
    projects.region_code,
    projects.street,
    projects.is_major,
    projects.is_household_pv,
    works_milestones.flow_code,
    {%- for milestone in milestones() if milestone.name not in ('completion', 'registered') %}
    works_milestones.{{ milestone.name }}_date,
    {%- endfor %}
    projects.registered_at::date as registered_date,
    case when not judged.awaits_unreported_works then works_milestones.completion_date end as completion_date,
    judged.withdrawn_date,
    works_milestones.current_stage_number,
    (
        select milestone
        from (
            values
            {%- for milestone in milestones() %}
            ('{{ milestone.name }}', {{ 'case when not judged.awaits_unreported_works then works_milestones.completion_date end' if milestone.name == 'completion' else 'works_milestones.' ~ milestone.name ~ '_date' }}, {{ loop.index }}){% if not loop.last %},{% endif %}
            {%- endfor %}
        ) as reached (milestone, milestone_date, place)
        where milestone_date is not null
        order by place desc
        limit 1
    ) as current_milestone,
    (works_milestones.completion_date is null or judged.awaits_unreported_works) and not judged.is_withdrawn as is_open,
    judged.is_withdrawn,
    judged.awaits_unreported_works,
    works_milestones.works_count,
    works_milestones.finished_works_count,
    {%- for column in case_counts() %}
    coalesce(counts.{{ column }}, 0) as {{ column }},
    {%- endfor %}
    counts.promised_working_days,
    counts.statutory_working_days,
    works_milestones.longest_works_days as approval_working_days,
    times.approval_working_days as approval_working_days_union,
    {{ workdays_in('counts.side_workdays') }} as side_working_days,
    {%- for column in time_columns() %}
    times.{{ column }},
    {%- endfor %}
    case
        when counts.has_late_open_case or late_stages.project_code is not null then 'late'
        when not coalesce(counts.has_pace, false) then null
        when counts.working_days_saved > 0 then 'ahead'
        else 'normal'
    end as pace_state,
    {{ alert_of_rank('counts.alert_rank') }} as alert_state,
    next_due.case_id as next_due_case_id,
    next_due.item_name as next_due_item_name,
    next_due.due_date as next_due_date,
    next_due.department_id as next_due_department_id,
    next_due.department_name as next_due_department_name,
    next_due.office_name as next_due_office_name,
    next_due.alert_state as next_due_alert_state,
    late_cases.case_id as late_case_id,
    coalesce(late_cases.item_name, late_cases.item_code) as late_item_name,
    late_cases.department_name as late_department_name,
    late_cases.office_name as late_office_name,
    late_cases.accepted_date as late_accepted_date,
    late_cases.due_date as late_due_date,
    -late_cases.remaining_working_days as late_working_days,
    late_stages.stage_number as late_stage_number,
    late_stages.active_working_days::integer as late_stage_working_days,
    late_stages.stage_limit as late_stage_limit,
    counts.first_received_date,
    coalesce(counts.last_event_date, projects.registered_at::date) as last_activity_date
from projects
inner join judged using (project_code)
inner join works_milestones using (project_code)
left join counts using (project_code)
left join times using (project_code)
left join late_stages using (project_code)
left join next_due using (project_code)
left join late_cases using (project_code)
-- a project registered after the day in question did not exist yet, unless a case of it already did
where projects.registered_at is null
    or projects.registered_at::date <= {{ as_of() }}
    or counts.project_code is not null
