{#-
  Two clocks per case. wd(a, b] = working_day_number(b) - working_day_number(a), so the day a clock starts is not
  counted and a decision on the same day takes 0. Pauses are day sets: merged first, then clipped, then counted.
-#}

with acceptances as (
    select * from {{ ref('int_case_acceptances') }}
),

limits as (
    select * from {{ ref('int_case_limits') }}
),

pauses as (
    select * from {{ ref('int_case_pauses') }}
),

extensions as (
    select * from {{ ref('int_case_extensions') }}
),

calendar as (
    select * from {{ ref('int_calendar') }}
),

working_days as (
    select * from calendar
    where is_working_day
),

started as (
    select
        acceptances.case_id,
        acceptances.accepted_date,
        acceptances.end_date,
        acceptances.outcome,
        acceptances.clock_start_date as start_date
    from acceptances
    where acceptances.accepted_date is not null
),

last_loaded as (
    select
        max(date_day) as date_day,
        max(working_day_number) as working_day_number
    from calendar
),

-- Beyond the last loaded day there is no count. What happened before it still stands: a due date inside the calendar,
-- and that it was missed. So such a clock is read on the last loaded day, and shows no number of days at the end.
bounded as (
    select
        started.case_id,
        started.accepted_date,
        started.outcome,
        started.start_date,
        least(started.end_date, last_loaded.date_day) as end_date,
        started.end_date as true_end_date,
        start_day.working_day_number as start_number,
        coalesce(end_day.working_day_number, last_loaded.working_day_number) as end_number,
        start_day.working_day_number is not null as is_startable,
        start_day.working_day_number is not null and end_day.working_day_number is not null as is_in_calendar
    from started
    cross join last_loaded
    left join calendar as start_day on start_day.date_day = started.start_date
    left join calendar as end_day on end_day.date_day = started.end_date
),

added_days as (
    select
        case_id,
        sum(extension_days)::integer as extension_days
    from extensions
    where is_in_force
    group by case_id
),

-- a limit in a unit that is not counted ends nowhere; the days used are counted all the same
limited as (
    select
        bounded.*,
        case when {{ is_counted_unit('limits.promised_unit') }} then limits.promised_limit end as promised_limit,
        limits.promised_unit,
        case when {{ is_counted_unit('limits.statutory_unit') }} then limits.statutory_limit end as statutory_limit,
        limits.statutory_unit,
        coalesce(added_days.extension_days, 0) as extension_days
    from bounded
    inner join limits using (case_id)
    left join added_days using (case_id)
    where is_startable
),

clocks as (
    select
        limited.*,
        'promise' as clock,
        'promise' as pauses_of,
        promised_limit as day_limit,
        promised_unit as unit
    from limited
    union all
    select
        limited.*,
        'statute' as clock,
        'statute' as pauses_of,
        statutory_limit + extension_days as day_limit,
        statutory_unit as unit
    from limited
    union all
    -- an extension must not hide what would have been late without it
    select
        limited.*,
        'unextended' as clock,
        'statute' as pauses_of,
        statutory_limit as day_limit,
        statutory_unit as unit
    from limited
    where extension_days > 0
),

merged_pauses as (
    select
        case_id,
        'promise' as pauses_of,
        range_agg(excluded_days) as excluded_days
    from pauses
    where stops_promise and excluded_days is not null
    group by case_id
    union all
    select
        case_id,
        'statute' as pauses_of,
        range_agg(excluded_days) as excluded_days
    from pauses
    where stops_statute and excluded_days is not null
    group by case_id
),

spans as (
    select
        clocks.*,
        lower(span) as first_day,
        upper(span) - 1 as last_day
    from clocks
    inner join merged_pauses using (case_id, pauses_of)
    cross join lateral unnest(excluded_days * datemultirange(daterange(clocks.start_date + 1, null))) as span
),

-- days each pause takes out: all of them move the due date, only those up to the end shorten the time used
measured_spans as (
    select
        spans.*,
        greatest(
            coalesce(last_number.working_day_number, last_loaded.working_day_number) - before_first.working_day_number, 0
        )
            as working_days_out,
        greatest(least(last_number.working_day_number, end_number) - before_first.working_day_number, 0)
            as working_days_out_until_end,
        last_day - first_day + 1 as calendar_days_out,
        greatest(least(last_day, end_date) - first_day + 1, 0) as calendar_days_out_until_end,
        before_first.working_day_number - start_number as working_days_before,
        first_day - 1 - start_date as calendar_days_before
    from spans
    cross join last_loaded
    inner join calendar as before_first on before_first.date_day = spans.first_day - 1
    left join calendar as last_number on last_number.date_day = spans.last_day
),

-- a pause that begins when the limit is already used up does not move the due date
charged_spans as (
    select
        measured_spans.*,
        case unit
            when 'calendar_days' then calendar_days_before - coalesce(sum(calendar_days_out) over earlier, 0)
            else working_days_before - coalesce(sum(working_days_out) over earlier, 0)
        end < day_limit as moves_due_date
    from measured_spans
    window earlier as (
        partition by case_id, clock order by first_day rows between unbounded preceding and 1 preceding
    )
),

exclusions as (
    select
        case_id,
        clock,
        sum(working_days_out_until_end)::integer as excluded_working_days,
        sum(calendar_days_out_until_end)::integer as excluded_calendar_days,
        coalesce(
            sum(case unit when 'calendar_days' then calendar_days_out else working_days_out end)
                filter (where moves_due_date),
            0
        )::integer as due_date_shift
    from charged_spans
    group by case_id, clock
),

counted as (
    select
        clocks.*,
        end_number - start_number as gross_working_days,
        coalesce(exclusions.excluded_working_days, 0) as excluded_working_days,
        greatest(end_number - start_number, 0) - coalesce(exclusions.excluded_working_days, 0) as elapsed_working_days,
        end_date - start_date - coalesce(exclusions.excluded_calendar_days, 0) as elapsed_calendar_days,
        coalesce(exclusions.due_date_shift, 0) as due_date_shift
    from clocks
    left join exclusions using (case_id, clock)
),

due as (
    select
        counted.*,
        case
            when day_limit = 0 then start_date
            when unit = 'calendar_days' then due_in_calendar_days.date_day
            else due_in_working_days.date_day
        end as due_date
    from counted
    left join working_days as due_in_working_days
        on counted.unit = 'working_days'
        and due_in_working_days.working_day_number = counted.start_number + counted.day_limit + counted.due_date_shift
    -- a limit in calendar days that ends on a closed day ends on the next working day (民法典 203)
    left join calendar as last_calendar_day
        on counted.unit = 'calendar_days'
        and last_calendar_day.date_day = counted.start_date + counted.day_limit + counted.due_date_shift
    left join working_days as due_in_calendar_days
        on due_in_calendar_days.working_day_number
        = last_calendar_day.working_day_number + (not last_calendar_day.is_working_day)::integer
),

exceeded as (
    select
        due.*,
        case
            when unit = 'calendar_days' then elapsed_calendar_days > day_limit and coalesce(end_date > due_date, false)
            else elapsed_working_days > day_limit
        end as is_exceeded
    from due
),

judged as (
    select
        exceeded.*,
        -- read on the last loaded day, "not yet exceeded" means unknown
        case when is_in_calendar or is_exceeded then is_exceeded end as is_over,
        case
            when unit = 'calendar_days' then due_day.working_day_number - end_number
            else day_limit - elapsed_working_days
        end as remaining_working_days,
        case
            when unit = 'calendar_days' then elapsed_calendar_days
            else elapsed_working_days
        end as elapsed_in_unit
    from exceeded
    left join calendar as due_day on due_day.date_day = exceeded.due_date
),

-- one row per case again, without joining the clocks to each other
side_by_side as (
    select
        case_id,
        max(gross_working_days) filter (where clock = 'promise') as gross_working_days,
        max(excluded_working_days) filter (where clock = 'promise') as excluded_working_days,
        max(elapsed_working_days) filter (where clock = 'promise') as elapsed_working_days,
        max(elapsed_in_unit) filter (where clock = 'promise') as promise_elapsed_in_unit,
        max(remaining_working_days) filter (where clock = 'promise') as remaining_working_days,
        max(due_date) filter (where clock = 'promise') as due_date,
        bool_or(is_over) filter (where clock = 'promise') as is_overdue,
        max(excluded_working_days) filter (where clock = 'statute') as statutory_excluded_working_days,
        max(elapsed_working_days) filter (where clock = 'statute') as statutory_elapsed_working_days,
        max(due_date) filter (where clock = 'statute') as statutory_due_date,
        bool_or(is_over) filter (where clock = 'statute') as is_statutory_overdue,
        max(extension_days) as extension_days,
        max(due_date) filter (where clock = 'unextended') as unextended_due_date,
        bool_or(is_over) filter (where clock = 'unextended') as is_unextended_overdue
    from judged
    group by case_id
)

select
    bounded.case_id,
    bounded.start_date,
    bounded.true_end_date as end_date,
    bounded.is_in_calendar,
    case when bounded.is_in_calendar then bounded.end_date - bounded.accepted_date end as span_calendar_days,
    case when bounded.is_in_calendar then clocks.gross_working_days end as gross_working_days,
    case when bounded.is_in_calendar then clocks.excluded_working_days end as excluded_working_days,
    case when bounded.is_in_calendar then clocks.elapsed_working_days end as elapsed_working_days,
    case when bounded.is_in_calendar then clocks.promise_elapsed_in_unit end as promise_elapsed_in_unit,
    case when bounded.is_in_calendar then clocks.remaining_working_days end as remaining_working_days,
    clocks.due_date,
    clocks.is_overdue,
    case when bounded.is_in_calendar then clocks.statutory_excluded_working_days end as statutory_excluded_working_days,
    case when bounded.is_in_calendar then clocks.statutory_elapsed_working_days end as statutory_elapsed_working_days,
    clocks.statutory_due_date,
    clocks.is_statutory_overdue,
    clocks.extension_days,
    case when clocks.extension_days > 0 then clocks.unextended_due_date else clocks.statutory_due_date end
        as statutory_due_date_without_extension,
    case when clocks.extension_days > 0 then clocks.is_unextended_overdue else clocks.is_statutory_overdue end
        as is_statutory_overdue_without_extension
from bounded
left join side_by_side as clocks using (case_id)
