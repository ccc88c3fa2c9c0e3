{{ config(materialized='table') }}

{#- What each case could have taken fewer: beyond its promise, and beyond what its department's quickest quarter takes. -#}

with works as (
    select * from {{ ref('int_what_if_works') }}
    where exclusion_reason is null
),

steps as (
    select * from {{ ref('int_works_steps') }}
    where end_date is not null
),

case_days as (
    select * from {{ ref('int_case_days') }}
),

instances as (
    select * from {{ ref('int_item_instances') }}
),

calendar as (
    select * from {{ ref('int_calendar') }}
),

measured as (
    select
        steps.works_code,
        works.flow_type,
        steps.step_number,
        steps.case_id,
        steps.stage_number,
        steps.item_code,
        steps.department_id,
        steps.start_number,
        steps.end_number,
        steps.predecessor_number,
        steps.required_numbers,
        case_days.active_workdays,
        {{ workdays_in('case_days.active_workdays') }} as net_working_days,
        case
            when due_day.working_day_number < steps.end_number
                then {{ workdays_in('case_days.active_workdays * int4multirange(' ~ workdays_between('due_day.working_day_number', 'steps.end_number') ~ ')') }}
            else 0
        end as over_promise_days
    from steps
    inner join works using (works_code)
    inner join case_days using (case_id)
    inner join instances using (case_id)
    left join calendar as due_day on due_day.date_day = instances.due_date
),

-- a case for the whole project is a step of each 工程, and one case all the same
cases as (
    select distinct on (flow_type, case_id)
        flow_type,
        department_id,
        item_code,
        net_working_days
    from measured
    where stage_number between 1 and 4
    order by flow_type, case_id
),

quartiles as (
    select
        flow_type,
        department_id,
        item_code,
        percentile_disc(0.25) within group (order by net_working_days) as best_quartile_days
    from cases
    where department_id is not null and item_code is not null
    group by flow_type, department_id, item_code
    having count(*) >= {{ var('minimum_n') }}
)

select
    measured.*,
    quartiles.best_quartile_days,
    greatest(measured.net_working_days - quartiles.best_quartile_days, 0) as over_quartile_days
from measured
left join quartiles
    on quartiles.flow_type is not distinct from measured.flow_type
    and quartiles.department_id = measured.department_id
    and quartiles.item_code = measured.item_code
