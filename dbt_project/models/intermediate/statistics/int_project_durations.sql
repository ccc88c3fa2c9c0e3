{{ config(materialized='view') }}

with projects as (
    select * from {{ ref('int_project_lifecycles') }}
),

calendar as (
    select * from {{ ref('int_calendar') }}
),

stamp as (
    select * from {{ stamp_of('int_project_lifecycles') }} as stamp
),

ended as (
    select
        projects.project_code,
        coalesce(projects.flow_type_code, 'unknown') as flow_type,
        projects.first_received_date,
        projects.is_open,
        case
            when projects.is_open then 'open'
            when projects.is_withdrawn then 'withdrawn'
            else 'finished'
        end as state,
        case
            when projects.is_open then stamp.as_of
            when projects.is_withdrawn then projects.withdrawn_date
            else projects.completion_date
        end as end_date
    from projects
    cross join stamp
),

counted as (
    select
        ended.*,
        last.working_day_number - first.working_day_number as working_days
    from ended
    left join calendar as first on first.date_day = ended.first_received_date
    left join calendar as last on last.date_day = ended.end_date
)

select
    project_code,
    flow_type,
    first_received_date,
    is_open,
    state,
    case when working_days >= 0 then working_days end as day,
    case
        when working_days >= 0 then null
        when first_received_date is null then 'not_begun'
        when end_date is null then 'end_not_dated'
        when working_days < 0 then 'order_error'
        else 'calendar_unavailable'
    end as exclusion_reason
from counted
