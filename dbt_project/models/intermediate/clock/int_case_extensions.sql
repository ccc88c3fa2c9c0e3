{#-
  行政许可法 art. 42: the statutory limit grows by an approved extension from the day of the approval on; the promise
  does not. Only a limit that is not used up yet can be extended: what is late stays late.
-#}

with events as (
    select * from {{ ref('int_case_events') }}
    where {{ only_changed('case_id') }}
),

acceptances as (
    select * from {{ ref('int_case_acceptances') }}
),

limits as not materialized (
    select * from {{ ref('int_case_limits') }}
),

pauses as (
    select * from {{ ref('int_case_pauses') }}
),

calendar as (
    select * from {{ ref('int_calendar') }}
),

-- a status and a special procedure of one day are one approval
approvals as (
    select
        case_id,
        event_date as approved_date,
        max(extension_days) as extension_days,
        max(extension_unit) filter (where extension_days is not null) as extension_unit,
        max(document_number) as document_number,
        min(event_number) as event_number,
        bool_and(coalesce(event_number > terminal_number, false)) as is_after_decision
    from events
    where event_kind = 'extended'
    group by case_id, event_date
),

stopped_days as (
    select
        case_id,
        range_agg(excluded_days) as excluded_days
    from pauses
    where stops_statute and excluded_days is not null
    group by case_id
),

judged as (
    select
        approvals.*,
        acceptances.clock_start_date,
        limits.statutory_limit,
        limits.statutory_unit,
        approvals.extension_days is not null
        and coalesce(approvals.extension_unit, limits.statutory_unit) is not distinct from limits.statutory_unit as is_clear,
        stopped_days.excluded_days
        * datemultirange(daterange(acceptances.clock_start_date, greatest(approvals.approved_date, acceptances.clock_start_date), '(]'))
            as days_out
    from approvals
    inner join acceptances using (case_id)
    inner join limits using (case_id)
    left join stopped_days using (case_id)
),

measured as (
    select
        judged.*,
        case statutory_unit
            when 'working_days'
                then approval_day.working_day_number - start_day.working_day_number - {{ working_days_in('judged.days_out') }}
            when 'calendar_days'
                then judged.approved_date - judged.clock_start_date
                - (select coalesce(sum(upper(span) - lower(span)), 0) from unnest(judged.days_out) as span)
        end as elapsed_at_approval,
        coalesce(sum(case when is_clear and not is_after_decision then extension_days end) over earlier, 0) as earlier_days
    from judged
    left join calendar as start_day on start_day.date_day = judged.clock_start_date
    left join calendar as approval_day on approval_day.date_day = judged.approved_date
    window earlier as (
        partition by case_id order by approved_date rows between unbounded preceding and 1 preceding
    )
)

select
    case_id,
    approved_date,
    event_number,
    extension_days,
    document_number,
    is_clear,
    elapsed_at_approval::integer as elapsed_at_approval,
    -- once the limit was used up nothing after it can extend it again, so each is judged with all before it
    is_clear
    and not is_after_decision
    and coalesce(
        bool_and(elapsed_at_approval <= statutory_limit + earlier_days) over (
            partition by case_id order by approved_date rows unbounded preceding
        ),
        false
    ) as is_in_force,
    is_after_decision or coalesce(elapsed_at_approval > statutory_limit + earlier_days, false) as is_too_late
from measured
