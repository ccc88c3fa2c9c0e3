{{ config(
    materialized='incremental',
    incremental_strategy='replace_changed',
    unique_key='project_code',
    meta={'among': 'int_stirred_projects'},
    indexes=[{'columns': ['works_code', 'path_number'], 'unique': true}, {'columns': ['project_code']}]
) }}

-- read in place: the walk back looks up one step at a time
with recursive steps as not materialized (
    select * from {{ ref('int_works_steps') }}
),

flows as (
    select * from {{ ref('int_flows') }}
),

flow_items as (
    select * from {{ ref('int_flow_items') }}
),

calendar as (
    select * from {{ ref('int_calendar') }}
),

milestone_items as (
    select distinct
        flows.flow_type_code as flow_type,
        flow_items.item_code
    from flow_items
    inner join flows using (flow_code, flow_version)
    where flow_items.is_milestone
),

last_milestones as (
    select
        works_code,
        max(step_number) filter (
            where outcome = 'passed' and stage_number between 1 and 4 and milestone_items.item_code is not null
        ) as step_number,
        min(start_date) as span_started_date
    from steps
    left join milestone_items using (flow_type, item_code)
    where {{ only_changed('project_code', among='int_stirred_projects') }}
    group by works_code
),

walked as (
    select
        steps.*,
        last_milestones.span_started_date
    from last_milestones
    inner join steps using (works_code, step_number)
    union all
    select
        steps.*,
        walked.span_started_date
    from walked
    inner join steps
        on steps.works_code = walked.works_code
        and steps.step_number = walked.predecessor_number
),

-- the first step has no predecessor: before it lies what passed since the first acceptance of the 工程
readied as (
    select
        walked.*,
        coalesce(ready_date, span_started_date) as path_ready_date,
        greatest(handed_in_date, span_started_date) as path_handed_in_date
    from walked
),

intervals as (
    select
        readied.project_code,
        readied.works_code,
        readied.flow_type,
        readied.step_number,
        interval_of_step.place,
        interval_of_step.step_kind,
        readied.case_id,
        readied.from_item_code,
        readied.from_item_name,
        readied.item_code,
        readied.item_name,
        readied.stage_number,
        readied.department_id,
        readied.department_name,
        readied.office_name,
        readied.is_predecessor_required,
        interval_of_step.started_date,
        interval_of_step.ended_date,
        case when step_kind = 'handling' then readied.elapsed_working_days end as elapsed_working_days
    from readied
    cross join lateral (
        values
        (1, 'application', path_ready_date, path_handed_in_date),
        (2, 'intake', path_handed_in_date, start_date),
        (3, 'handling', start_date, end_date)
    ) as interval_of_step (place, step_kind, started_date, ended_date)
    where step_kind = 'handling' or started_date < ended_date
),

-- a project is through when the last of its 工程 is
slowest_works as (
    select distinct on (project_code)
        project_code,
        works_code
    from intervals
    order by project_code, ended_date desc, works_code
)

select
    intervals.project_code,
    intervals.works_code,
    (row_number() over (partition by intervals.works_code order by step_number, place))::integer as path_number,
    slowest_works.works_code is not null as is_slowest_works,
    intervals.flow_type,
    intervals.step_kind,
    intervals.case_id,
    intervals.from_item_code,
    intervals.from_item_name,
    intervals.item_code,
    intervals.item_name,
    intervals.stage_number,
    intervals.department_id,
    intervals.department_name,
    intervals.office_name,
    intervals.is_predecessor_required,
    intervals.started_date,
    intervals.ended_date,
    ended.working_day_number - started.working_day_number as working_days,
    intervals.ended_date - intervals.started_date as calendar_days,
    ended.working_day_number - started.working_day_number - intervals.elapsed_working_days as paused_working_days
from intervals
inner join calendar as started on started.date_day = intervals.started_date
inner join calendar as ended on ended.date_day = intervals.ended_date
left join slowest_works
    on slowest_works.project_code = intervals.project_code
    and slowest_works.works_code = intervals.works_code
