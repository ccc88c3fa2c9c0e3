{{ config(
    materialized='incremental',
    incremental_strategy='replace_changed',
    unique_key='case_id',
    meta={'keeps_former': 'int_changed_cases', 'among': 'int_stirred_cases'},
    indexes=[{'columns': ['case_id'], 'unique': true}]
) }}

-- of all changed ones the former rows are kept; depends_on: {{ ref('int_changed_cases') }}
with events as (
    select
        case_id,
        event_number,
        event_kind,
        event_date,
        previous_event_kind,
        first_acceptance_number,
        terminal_number
    from {{ ref('int_case_events') }}
    where {{ only_changed('case_id', among='int_stirred_cases') }}
),

calendar as (
    select * from {{ ref('int_calendar') }}
),

-- Some systems write the state held before a pause (受理, 部门开始办理) once more after it: no step was taken
marked as (
    select
        events.*,
        coalesce(previous_event_kind in ('correction_received', 'special_end', 'resumed'), false)
        and (
            (event_kind = 'accepted' and event_number > first_acceptance_number)
            or (
                event_kind = 'department_started'
                and event_number > min(event_number) filter (where event_kind = 'department_started') over one_case
            )
        ) as restates_state
    from events
    window one_case as (partition by case_id order by event_number)
),

-- and 8 comes by itself with a 3 that restates
restated as (
    select
        marked.*,
        restates_state
        or (event_kind = 'department_started' and coalesce(lag(restates_state) over one_case, false)) as is_restatement
    from marked
    window one_case as (partition by case_id order by event_number)
),

dated as (
    select
        restated.*,
        coalesce(event_number > terminal_number, false) as is_after_end,
        calendar.working_day_number
    from restated
    left join calendar on calendar.date_day = restated.event_date
)

select
    case_id,
    array_agg(event_kind order by event_number) filter (where not is_restatement and not is_after_end) as event_kinds,
    array_agg(event_date order by event_number) filter (where not is_restatement and not is_after_end) as event_dates,
    array_agg(working_day_number order by event_number) filter (where not is_restatement and not is_after_end)
        as working_day_numbers,
    bool_or(terminal_number is not null) as has_end,
    (count(*) filter (where is_restatement and not is_after_end))::integer as restated_event_count,
    (count(*) filter (where is_after_end))::integer as after_end_event_count
from dated
group by case_id
