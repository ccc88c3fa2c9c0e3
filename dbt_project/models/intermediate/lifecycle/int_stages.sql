{{ config(
    materialized='incremental',
    incremental_strategy='replace_changed',
    unique_key='project_code',
    indexes=[{'columns': ['works_code', 'stage_number'], 'unique': true}, {'columns': ['project_code']}]
) }}

with works_stages as (
    select * from {{ ref('int_works_stages') }}
    where stage_number is not null and {{ only_changed('project_code') }}
),

cases as (
    select * from {{ ref('int_item_instances') }}
    where project_code is not null and outcome = 'passed' and {{ only_changed('project_code') }}
),

projects as (
    select * from {{ ref('int_projects') }}
),

works as (
    select * from {{ ref('int_works') }}
),

flows as (
    select * from {{ ref('int_flows') }}
),

flow_stages as (
    select * from {{ ref('int_flow_stages') }}
),

milestone_items as (
    select distinct
        flow_stage_id,
        item_code
    from {{ ref('int_flow_items') }}
    where is_milestone
),

-- where a flow type has one flow, a 工程 that names none follows it
flow_of_type as (
    select
        flow_type_code,
        min(flow_code) as flow_code
    from flows
    group by flow_type_code
    having min(flow_code) = max(flow_code)
),

known_flows as (
    select distinct flow_code from flows
),

-- of a national stage that the flow splits into several local ones nobody can say which of them a case is in: it keeps no
-- limit and no milestone of theirs (issue log: stage_split)
national_stages as (
    select
        flow_stages.*,
        national_stage::integer as national_stage_number,
        count(*) over (partition by flow_code, flow_version, national_stage::integer) as local_stage_count
    from flow_stages
    cross join lateral string_to_table(stage_numbers, ',') as national_stage
    where national_stage != ''
),

-- the version that was in force when the stage began
timed as (
    select
        works_stages.*,
        coalesce(works.flow_type_code, projects.flow_type_code) as flow_type_code,
        coalesce(known_flows.flow_code, flow_of_type.flow_code) as flow_code,
        flows.flow_version
    from works_stages
    left join projects using (project_code)
    left join works using (works_code)
    left join known_flows on known_flows.flow_code = works.flow_code
    left join flow_of_type on flow_of_type.flow_type_code = coalesce(works.flow_type_code, projects.flow_type_code)
    left join flows
        on flows.flow_code = coalesce(known_flows.flow_code, flow_of_type.flow_code)
        and coalesce(works_stages.first_accepted_date, works_stages.first_received_date, works_stages.last_event_date)
            between flows.effective_from and flows.effective_to
),

placed as (
    select
        timed.*,
        coalesce(national_stages.stage_number, timed.stage_number) as merged_stage_number,
        national_stages.flow_stage_id
    from timed
    left join national_stages
        on national_stages.flow_code = timed.flow_code
        and national_stages.flow_version = timed.flow_version
        and national_stages.national_stage_number = timed.stage_number
        and national_stages.local_stage_count = 1
),

-- a local stage that stands for several national ones is one stage, kept under the first
stages as (
    select
        project_code,
        works_code,
        merged_stage_number as stage_number,
        max(flow_type_code) as flow_type_code,
        max(flow_code) as flow_code,
        (array_agg(flow_version order by placed.stage_number))[1] as flow_version,
        (array_agg(flow_stage_id order by placed.stage_number))[1] as flow_stage_id,
        {%- for column in case_counts() %}
        sum({{ column }})::integer as {{ column }},
        {%- endfor %}
        sum(working_days_saved) as working_days_saved,
        sum(sum_item_days)::integer as sum_item_days,
        max(max_item_days) as max_item_days,
        min(first_item_code) != max(last_item_code) as has_several_items,
        bool_or(has_pace) as has_pace,
        bool_or(has_late_open_case) as has_late_open_case,
        min(first_received_date) as first_received_date,
        min(first_accepted_date) as first_accepted_date,
        max(last_decided_date) as last_decided_date,
        min(first_start_date) as first_start_date,
        max(last_end_date) as last_end_date,
        min(first_start_number) as first_start_number,
        max(last_end_number) as last_end_number,
        range_agg(run_workdays) as run_workdays,
        range_agg(active_workdays) as active_workdays
    from placed
    group by project_code, works_code, merged_stage_number
),

grants as (
    select
        project_code,
        works_code,
        item_code,
        min(decided_date) as granted_date
    from cases
    where item_code in (select item_code from milestone_items)
    group by project_code, works_code, item_code
),

grants_of_project as (
    select
        project_code,
        item_code,
        min(granted_date) as granted_date
    from grants
    group by project_code, item_code
),

-- a grant to the whole project counts for each of its 工程, and any grant in the project for the project's own row
needed as (
    select
        stages.works_code,
        stages.stage_number,
        case
            when stages.works_code = stages.project_code then in_project.granted_date
            else least(own.granted_date, for_project.granted_date)
        end as granted_date
    from stages
    inner join milestone_items using (flow_stage_id)
    left join grants as own
        on own.works_code = stages.works_code
        and own.item_code = milestone_items.item_code
    left join grants as for_project
        on for_project.works_code = stages.project_code
        and for_project.item_code = milestone_items.item_code
    left join grants_of_project as in_project
        on in_project.project_code = stages.project_code
        and in_project.item_code = milestone_items.item_code
),

granted as (
    select
        works_code,
        stage_number,
        min(granted_date) as first_granted_date,
        case when count(granted_date) = count(*) then max(granted_date) end as all_granted_date
    from needed
    group by works_code, stage_number
),

ruled as (
    select
        stages.*,
        flow_stages.local_stage_name,
        coalesce(flow_stages.stage_numbers, stages.stage_number::text) as stage_numbers,
        flow_stages.stage_limit,
        -- a flow that names milestone items without saying which of them end the stage means all of them
        case when granted.works_code is null then 'nothing_open' else coalesce(flow_stages.milestone_rule, 'all') end
            as finish_rule,
        granted.first_granted_date,
        granted.all_granted_date
    from stages
    left join flow_stages using (flow_stage_id)
    left join granted
        on granted.works_code = stages.works_code
        and granted.stage_number = stages.stage_number
),

granted_by_rule as (
    select
        ruled.*,
        case finish_rule when 'all' then all_granted_date when 'any' then first_granted_date end as ruled_date
    from ruled
),

-- counted once: several columns below read the same count
measured as materialized (
    select
        granted_by_rule.*,
        -- what was granted to the whole project before a 工程 began its own cases does not end these
        case
            when finish_rule != 'nothing_open'
                and (ruled_date >= coalesce(first_received_date, first_accepted_date)) is not false
                then ruled_date
            when open_case_count = 0 and passed_case_count > 0 then last_decided_date
        end as finished_date,
        {{ workdays_in('run_workdays') }} as run_working_days,
        {{ workdays_in('active_workdays') }} as active_working_days,
        last_end_number - first_start_number as span_working_days
    from granted_by_rule
)

select
    project_code,
    works_code,
    stage_number,
    stage_numbers,
    local_stage_name,
    flow_type_code,
    flow_code,
    flow_version,
    {%- for column in case_counts() %}
    {{ column }},
    {%- endfor %}
    first_received_date,
    first_accepted_date,
    last_decided_date,
    finish_rule,
    finished_date,
    stage_limit,
    sum_item_days,
    -- no case of the stage has a clock: no days, not none
    case when first_start_date is not null then active_working_days end as active_working_days,
    max_item_days,
    span_working_days,
    span_working_days - run_working_days as applicant_gap_days,
    run_working_days - active_working_days as all_paused_days,
    last_end_date - first_start_date as span_calendar_days,
    coalesce(first_start_date is not null and active_working_days > stage_limit, false) as is_over_stage_limit,
    -- several items handled together have one limit by law, however many they are (行政许可法 art. 42 (2))
    coalesce(
        has_several_items and first_start_date is not null and active_working_days > {{ var('joint_handling_limit_days') }},
        false
    ) as is_over_joint_limit,
    case
        when has_late_open_case or (first_start_date is not null and active_working_days > stage_limit) then 'late'
        when not has_pace then null
        when working_days_saved > 0 then 'ahead'
        else 'normal'
    end as pace_state
from measured
