{{ config(materialized='view') }}

with observations as (
    select * from {{ ref('int_speed_observations') }}
    where state is not null
),

pauses as (
    select * from {{ ref('int_item_pauses') }}
    where stops_promise
),

calendar as (
    select * from {{ ref('int_calendar') }}
),

stamp as (
    select * from {{ stamp_of('int_item_instances') }} as stamp
),

-- the last twelve months that are over; each is looked at from the end of the day before it
months as (
    select
        month::date as held_out_month,
        day_before.working_day_number as number_before,
        today.working_day_number - day_before.working_day_number as working_days_since
    from stamp
    cross join lateral generate_series(
        date_trunc('month', stamp.as_of + 1) - interval '12 months',
        date_trunc('month', stamp.as_of + 1) - interval '1 month',
        interval '1 month'
    ) as month
    inner join calendar as day_before on day_before.date_day = month::date - 1
    inner join calendar as today on today.date_day = stamp.as_of
),

on_the_clock as (
    select
        observations.*,
        months.held_out_month,
        months.working_days_since,
        months.number_before - start_day.working_day_number as gross_working_days
    from observations
    inner join months
        on observations.clock_start_date < months.held_out_month
        and coalesce(observations.closed_date >= months.held_out_month, observations.state = 'open')
    inner join calendar as start_day on start_day.date_day = observations.clock_start_date
),

-- what each pause had taken out by then
paused as (
    select
        on_the_clock.case_id,
        on_the_clock.held_out_month,
        -- a range with a missing end would be endless
        range_agg({{ workdays_between('before_first.working_day_number', 'last.working_day_number') }})
            filter (where last.working_day_number is not null) as excluded_workdays,
        bool_or(coalesce(pauses.ended_date >= on_the_clock.held_out_month, true)) as was_paused
    from on_the_clock
    inner join pauses
        on pauses.case_id = on_the_clock.case_id
        and pauses.started_date < on_the_clock.held_out_month
    left join calendar as before_first
        on before_first.date_day = greatest(pauses.first_excluded_date - 1, on_the_clock.clock_start_date)
        and pauses.last_excluded_date > on_the_clock.clock_start_date
        and pauses.first_excluded_date < on_the_clock.held_out_month
    left join calendar as last
        on before_first.date_day is not null
        and last.date_day = least(pauses.last_excluded_date, on_the_clock.held_out_month - 1)
    group by on_the_clock.case_id, on_the_clock.held_out_month
),

seen as (
    select
        on_the_clock.*,
        on_the_clock.gross_working_days - {{ workdays_in('paused.excluded_workdays') }} as day,
        coalesce(paused.was_paused, false) as was_paused
    from on_the_clock
    left join paused using (case_id, held_out_month)
)

select
    case_id,
    held_out_month,
    coalesce(department_id, 'unknown') as department_id,
    coalesce(item_code, 'unknown') as item_code,
    coalesce(flow_type, 'unknown') as flow_type,
    coalesce(stage_number::text, 'unknown') as stage_number,
    promised_limit,
    limit_unit,
    has_promise,
    day,
    was_paused,
    working_days_since,
    case
        when limit_unit != 'working_days' then null
        when elapsed_working_days > promised_limit then true
        when state != 'open' then false
    end as is_late
from seen
