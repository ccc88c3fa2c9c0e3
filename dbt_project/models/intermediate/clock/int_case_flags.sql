{#- What a reader must know about a clock before believing its number, in a fixed order, joined by '|'. -#}

with acceptances as (
    select * from {{ ref('int_case_acceptances') }}
),

limits as (
    select * from {{ ref('int_case_limits') }}
),

clocks as (
    select * from {{ ref('int_case_clocks') }}
),

events as (
    select * from {{ ref('int_case_events') }}
    where {{ only_changed('case_id') }}
),

pauses as not materialized (
    select * from {{ ref('int_case_pauses') }}
),

extensions as (
    select * from {{ ref('int_case_extensions') }}
),

calendar as (
    select * from {{ ref('int_calendar') }}
),

pause_flags as (
    select
        case_id,
        bool_or(pause_kind = 'correction') as has_correction_after_acceptance,
        bool_or(is_unclosed_on_decided) as has_unclosed_on_decided,
        bool_or(is_closed_after_decision) as was_decided_while_suspended,
        bool_or(coalesce(began_before_acceptance, false)) as has_pause_before_acceptance,
        bool_or(is_open and stops_promise) as has_open_pause
    from pauses
    group by case_id
),

used_edges as (
    select case_id, event_number from pauses
    union
    select case_id, next_number from pauses where next_number is not null
),

-- starts and ends that the pairing left over
loose_edges as (
    select
        events.case_id,
        events.event_kind,
        coalesce(events.event_number > events.terminal_number, false) as is_after_decision,
        events.event_kind in ('special_start', 'suspended') as is_start,
        events.event_kind in ('special_end', 'resumed')
            or (events.event_kind = 'correction_received' and events.event_number > events.first_acceptance_number) as is_end
    from events
    left join used_edges using (case_id, event_number)
    where used_edges.case_id is null
        and (
            events.event_kind in ('special_start', 'special_end', 'suspended', 'resumed', 'correction_received')
            or (
                events.event_number > events.terminal_number
                and events.event_kind in (
                    'correction_requested', 'decided_pass', 'decided_pass_tolerant', 'decided_deny', 'withdrawn',
                    'accepted', 'extended'
                )
            )
        )
),

loose_flags as (
    select
        case_id,
        bool_or(is_start and not is_after_decision) as has_duplicate_start,
        bool_or(is_end and not is_after_decision) as has_orphan_end,
        bool_or(is_after_decision) as has_event_after_decision
    from loose_edges
    group by case_id
),

extension_flags as (
    select
        case_id,
        bool_or(is_in_force) as is_extended,
        bool_or(is_too_late) as has_late_extension,
        bool_or(not is_clear) as has_unclear_extension,
        bool_or(document_number is null) as has_undocumented_extension
    from extensions
    group by case_id
),

flagged as (
    select
        acceptances.case_id,
        coalesce(pause_flags.has_open_pause, false) and acceptances.accepted_date is not null as has_open_pause,
        acceptances.has_order_error,
        not acceptances.has_order_error as counts,
        acceptances.outcome,
        acceptances.accepted_date,
        acceptances.has_late_correction,
        acceptances.is_deemed_accepted,
        acceptances.has_repeated_acceptance,
        acceptances.correction_count,
        clocks.is_in_calendar,
        clocks.is_overdue,
        clocks.is_statutory_overdue,
        limits.promised_limit is not null and not {{ is_counted_unit('limits.promised_unit') }} as has_uncounted_unit,
        limits.statutory_limit is not null and not {{ is_counted_unit('limits.statutory_unit') }} as has_uncounted_statutory_unit,
        clocks.due_date is null and limits.promised_limit is not null as lacks_due_date,
        clocks.statutory_due_date is null and limits.statutory_limit is not null as lacks_statutory_due_date,
        accepted_day.is_working_day as was_accepted_on_working_day,
        decided_day.is_working_day as was_decided_on_working_day,
        pause_flags.has_correction_after_acceptance,
        pause_flags.has_unclosed_on_decided,
        pause_flags.was_decided_while_suspended,
        pause_flags.has_pause_before_acceptance,
        loose_flags.has_duplicate_start,
        loose_flags.has_orphan_end,
        loose_flags.has_event_after_decision,
        extension_flags.is_extended,
        extension_flags.has_late_extension,
        extension_flags.has_unclear_extension,
        extension_flags.has_undocumented_extension
    from acceptances
    inner join limits using (case_id)
    left join clocks using (case_id)
    left join pause_flags using (case_id)
    left join loose_flags using (case_id)
    left join extension_flags using (case_id)
    left join calendar as accepted_day on accepted_day.date_day = acceptances.accepted_date
    left join calendar as decided_day
        on decided_day.date_day = acceptances.terminal_date
        and acceptances.outcome in ('passed', 'denied')
)

select
    case_id,
    has_open_pause,
    nullif(concat_ws(
        '|',
        case when has_order_error then 'ORDER_ERROR' end,
        case when counts and outcome = 'open' and accepted_date is null then 'PRE_ACCEPTANCE' end,
        case when counts and outcome in ('passed', 'denied') and accepted_date is null then 'NO_ACCEPTANCE' end,
        case when counts and not is_in_calendar then 'CAL_UNAVAILABLE' end,
        case when counts and is_in_calendar and lacks_due_date and not has_uncounted_unit then 'DUE_BEYOND_CALENDAR' end,
        case when counts and is_in_calendar and lacks_statutory_due_date and not has_uncounted_statutory_unit
            then 'STAT_DUE_BEYOND_CALENDAR'
        end,
        case when has_uncounted_unit then 'LIMIT_UNIT_UNSUPPORTED' end,
        case when has_uncounted_statutory_unit then 'STAT_LIMIT_UNIT_UNSUPPORTED' end,
        case when counts and has_late_correction then 'LATE_CORRECTION' end,
        case when counts and is_deemed_accepted then 'DEEMED_ACCEPTED' end,
        case when counts and has_repeated_acceptance then 'DUP_ACCEPT' end,
        case when counts and not was_accepted_on_working_day then 'ACCEPTED_NONWORKING' end,
        case when counts and not was_decided_on_working_day then 'DECIDED_NONWORKING' end,
        case when counts and correction_count > 1 then 'MULTI_CORRECTION' end,
        case when counts and has_correction_after_acceptance then 'CORRECTION_AFTER_ACCEPT' end,
        case when counts and has_pause_before_acceptance then 'SUSP_BEFORE_ACCEPT' end,
        case when counts and has_duplicate_start then 'DUP_START' end,
        case when counts and has_orphan_end then 'ORPHAN_END' end,
        case when counts and has_open_pause then 'OPEN_SUSPENSION|PROVISIONAL_DUE' end,
        case when counts and has_unclosed_on_decided then 'UNCLOSED_ON_DECIDED' end,
        case when counts and was_decided_while_suspended then 'DECIDED_WHILE_SUSPENDED' end,
        case when counts and has_event_after_decision then 'EVENT_AFTER_DECISION' end,
        case when counts and is_extended then 'EXTENDED' end,
        case when counts and has_late_extension then 'EXTENSION_TOO_LATE' end,
        case when counts and has_unclear_extension then 'EXTENSION_UNCLEAR' end,
        case when counts and has_undocumented_extension then 'EXTENSION_UNDOCUMENTED' end,
        case when counts and is_statutory_overdue then 'STATUTORY_OVERDUE' end,
        case when outcome = 'withdrawn' then 'WITHDRAWN' end,
        case when counts and outcome = 'withdrawn' and is_overdue then 'OVERDUE_AT_WITHDRAWAL' end
    ), '') as clock_flags
from flagged
