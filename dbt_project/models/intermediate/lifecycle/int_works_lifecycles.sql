{{ config(
    materialized='incremental',
    incremental_strategy='replace_changed',
    unique_key='project_code',
    indexes=[{'columns': ['works_code'], 'unique': true}, {'columns': ['project_code']}]
) }}

with projects as (
    select * from {{ ref('int_projects') }}
    where {{ only_changed('project_code') }}
),

works as (
    select * from {{ ref('int_works') }}
    where {{ only_changed('project_code') }}
),

works_stages as (
    select * from {{ ref('int_works_stages') }}
    where {{ only_changed('project_code') }}
),

stages as (
    select * from {{ ref('int_stages') }}
    where stage_number between 1 and 4 and {{ only_changed('project_code') }}
),

milestones as (
    select * from {{ ref('int_milestones') }}
    where milestone_date is not null and {{ only_changed('project_code') }}
),

milestone_kinds as (
    select * from {{ ref('milestones') }}
),

agency_workdays as (
    select * from {{ ref('int_agency_workdays') }}
),

own_works as (
    select project_code, works_code from works
    where works_code != project_code
        -- one that was reported later did not exist yet
        and coalesce(reported_at::date <= {{ as_of() }}, true)
    union
    select project_code, works_code from works_stages
    where works_code != project_code
),

-- the project itself stands for a 工程 only while it has none
members as (
    select own_works.project_code, own_works.works_code
    from own_works
    inner join projects using (project_code)
    union all
    select projects.project_code, projects.project_code
    from projects
    where not exists (select 1 from own_works where own_works.project_code = projects.project_code)
),

-- a case for the whole project holds up every one of its 工程
shared_stages as (
    select
        members.works_code as member_code,
        true as is_own,
        works_stages.*
    from members
    inner join works_stages on works_stages.works_code = members.works_code
    union all
    select
        members.works_code,
        false,
        works_stages.*
    from members
    inner join works_stages on works_stages.works_code = members.project_code
    where members.works_code != members.project_code
),

counts as (
    select
        member_code as works_code,
        {%- for column in case_counts() %}
        coalesce(sum({{ column }}) filter (where is_own), 0)::integer as {{ column }},
        {%- endfor %}
        coalesce(sum(case_count) filter (where not is_own), 0)::integer as project_case_count,
        sum(promised_working_days) filter (where is_own) as promised_working_days,
        sum(statutory_working_days) filter (where is_own) as statutory_working_days,
        max(alert_rank) filter (where is_own) as alert_rank,
        bool_or(has_late_open_case) filter (where is_own) as has_late_open_case,
        bool_or(has_pace) filter (where is_own) as has_pace,
        sum(working_days_saved) filter (where is_own) as working_days_saved,
        min(first_received_date) as first_received_date,
        max(last_event_date) as last_event_date,
        max(stage_number) filter (where stage_number between 1 and 4) as latest_stage_number,
        range_agg(active_workdays) filter (where stage_number = 5) as side_workdays
    from shared_stages
    group by member_code
),

{{ sequential_times('shared_stages', 'member_code, project_code') }},

stage_dates as (
    select
        members.works_code,
        {%- for number in range(1, 5) %}
        min(stages.first_accepted_date) filter (where stages.stage_number = {{ number }}) as stage_{{ number }}_started_date,
        -- its own row tells when a stage of the 工程 ended; where it has none, the project's does
        coalesce(
            min(stages.finished_date) filter (where stages.stage_number = {{ number }} and stages.works_code = members.works_code),
            min(stages.finished_date) filter (where stages.stage_number = {{ number }} and own.works_code is null)
        ) as stage_{{ number }}_finished_date
        {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from members
    inner join stages
        on stages.project_code = members.project_code
        and stages.works_code in (members.works_code, members.project_code)
    left join stages as own
        on own.works_code = members.works_code
        and own.stage_number = stages.stage_number
    group by members.works_code
),

-- what a project does once, such as getting its land, each of its 工程 has done
reached as (
    select
        members.works_code,
        milestones.milestone,
        milestone_kinds.milestone_number,
        milestone_kinds.stage_number,
        min(milestones.milestone_date) as milestone_date
    from members
    inner join milestones using (project_code)
    inner join milestone_kinds using (milestone)
    where milestones.works_code in (members.works_code, members.project_code)
        or milestone_kinds.level = 'project'
    group by members.works_code, milestones.milestone, milestone_kinds.milestone_number, milestone_kinds.stage_number
),

milestone_dates as (
    select
        works_code,
        {%- for milestone in milestones() %}
        min(milestone_date) filter (where milestone = '{{ milestone.name }}') as {{ milestone.name }}_date,
        {%- endfor %}
        max(stage_number) as reached_stage_number,
        -- latest first: the furthest milestone says where the 工程 stands, whatever came out of turn
        (array_agg(milestone order by milestone_number desc))[1] as current_milestone
    from reached
    group by works_code
)

select
    members.works_code,
    members.project_code,
    works.works_name,
    works.predecessor_works_codes,
    coalesce(works.flow_type_code, projects.flow_type_code) as flow_type_code,
    works.flow_code,
    coalesce(works.region_code, projects.region_code) as region_code,
    projects.is_household_pv,
    works.planned_start_date,
    works.planned_completion_date,
    {%- for milestone in milestones() %}
    milestone_dates.{{ milestone.name }}_date,
    {%- endfor %}
    milestone_dates.current_milestone,
    greatest(milestone_dates.reached_stage_number, counts.latest_stage_number) as current_stage_number,
    {%- for number in range(1, 5) %}
    stage_dates.stage_{{ number }}_started_date,
    stage_dates.stage_{{ number }}_finished_date,
    {%- endfor %}
    milestone_dates.completion_date is not null as is_finished,
    milestone_dates.completion_date is null
    and coalesce(counts.case_count > 0 and counts.case_count = counts.withdrawn_case_count, false) as is_withdrawn,
    {%- for column in case_counts() %}
    coalesce(counts.{{ column }}, 0) as {{ column }},
    {%- endfor %}
    coalesce(counts.project_case_count, 0) as project_case_count,
    counts.promised_working_days,
    counts.statutory_working_days,
    counts.working_days_saved,
    counts.has_pace,
    counts.has_late_open_case,
    counts.alert_rank,
    times.approval_working_days,
    {{ workdays_in('counts.side_workdays') }} as side_working_days,
    {%- for column in time_columns() %}
    times.{{ column }},
    {%- endfor %}
    counts.first_received_date,
    counts.last_event_date
from members
inner join projects using (project_code)
left join works using (works_code)
left join counts using (works_code)
left join times on times.member_code = members.works_code
left join stage_dates using (works_code)
left join milestone_dates using (works_code)
