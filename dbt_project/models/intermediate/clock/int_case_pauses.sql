{%- set policy = clock_policy() -%}

with events as (
    select * from {{ ref('int_case_events') }}
    where {{ only_changed('case_id') }}
),

cases as (
    select * from {{ ref('int_cases') }}
    where {{ only_changed('case_id') }}
),

acceptances as (
    select * from {{ ref('int_case_acceptances') }}
),

-- a department's later rule about a reason replaces its earlier one
local_rules as (
    select
        rules.*,
        lead(valid_from) over (partition by department, reason_code order by valid_from) as replaced_on
    from {{ ref('local_pause_rules') }} as rules
),

-- starts and ends of the three kinds of pause; what begins after the decision is no pause
edges as (
    select
        events.*,
        case
            when event_kind in ('special_start', 'special_end') then 'special'
            when event_kind in ('suspended', 'resumed') then 'suspension'
            else 'correction'
        end as pause_kind,
        event_kind in ('special_start', 'suspended', 'correction_requested') as is_start
    from events
    where event_kind in ('special_start', 'special_end', 'suspended', 'resumed')
        -- before acceptance a correction stops nothing: the clock has not begun
        or (
            event_kind in ('correction_requested', 'correction_received')
            and event_number > first_acceptance_number
        )
),

-- two procedures whose ends carry their reason may overlap; without it only one can be open at a time
grouped as (
    select
        edges.*,
        pause_kind != 'special' or {{ stops_by_law('reason_code') }} as stops,
        case when bool_and(reason_code is not null) over (partition by case_id, pause_kind) then reason_code else '' end
            as pairing_code
    from edges
    where not is_start or terminal_number is null or event_number < terminal_number
),

paired as (
    select
        grouped.*,
        coalesce(lag(is_start) over kind_order, false) as follows_start,
        coalesce(lag(stops) over kind_order, false) as follows_stopping
    from grouped
    window kind_order as (partition by case_id, pause_kind, pairing_code order by event_number)
),

-- A second start and an end without a start change nothing, so what is left alternates. But a procedure that stops the
-- clock takes over from one that does not: what the law does not count is not lost behind a notice (公示) begun before.
alternating as (
    select
        paired.*,
        lead(event_date) over kind_order as next_date,
        lead(event_number) over kind_order as next_number
    from paired
    where is_start != follows_start
        or (is_start and stops and not follows_stopping)
    window kind_order as (partition by case_id, pause_kind, pairing_code order by event_number)
),

closed as (
    select
        alternating.case_id,
        cases.source_department,
        alternating.pause_kind,
        alternating.reason_code,
        alternating.procedure_name,
        coalesce(
            alternating.responsible_party,
            case when alternating.pause_kind = 'correction' then '建设单位' else '审批部门' end
        ) as responsible_party,
        alternating.event_date as started_date,
        alternating.next_date as ended_date,
        alternating.event_number,
        alternating.next_number,
        -- an open case's open pause lasts until today; a withdrawal ends it; on a decided case it earns nothing
        coalesce(
            alternating.next_date,
            case
                when acceptances.outcome = 'open' then acceptances.as_of
                when acceptances.outcome = 'withdrawn' then acceptances.terminal_date
            end
        ) as credited_until,
        alternating.next_date is null and acceptances.outcome = 'open' as is_open,
        acceptances.accepted_date,
        acceptances.terminal_number
    from alternating
    inner join cases using (case_id)
    inner join acceptances using (case_id)
    where alternating.is_start
)

select
    closed.case_id,
    closed.pause_kind,
    closed.reason_code,
    closed.procedure_name,
    closed.responsible_party,
    closed.started_date,
    closed.ended_date,
    closed.is_open,
    closed.credited_until is null as is_unclosed_on_decided,
    coalesce(closed.next_number > closed.terminal_number, false) as is_closed_after_decision,
    closed.pause_kind != 'correction' and closed.started_date < closed.accepted_date as began_before_acceptance,
    closed.event_number,
    closed.next_number,
    -- the day a pause starts is still charged, the day it ends is not; a pause within a day excludes nothing
    case when closed.credited_until is not null
        then daterange(closed.started_date + 1, closed.credited_until + 1)
    end as excluded_days,
    case
        when closed.pause_kind = 'correction' then {{ policy.correction_after_acceptance in ('promise', 'both') }}
        else coalesce(local_rules.stops_promise, {{ stops_by_law('closed.reason_code') }})
    end as stops_promise,
    case
        when closed.pause_kind = 'correction' then {{ policy.correction_after_acceptance == 'both' }}
        else coalesce(local_rules.stops_statute, {{ stops_by_law('closed.reason_code') }})
    end as stops_statute,
    local_rules.basis as local_rule_basis
from closed
left join local_rules
    on local_rules.department = closed.source_department
    and local_rules.reason_code = closed.reason_code
    and closed.pause_kind = 'special'
    and closed.started_date >= local_rules.valid_from
    and closed.started_date < coalesce(local_rules.replaced_on, 'infinity')
