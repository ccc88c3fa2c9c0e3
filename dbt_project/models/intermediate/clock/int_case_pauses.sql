{{ config(indexes=[{'columns': ['case_id']}]) }}

{%- set policy = var('clock_policy') -%}

with events as (
    select * from {{ ref('int_case_events') }}
),

cases as (
    select * from {{ ref('int_cases') }}
),

acceptances as (
    select * from {{ ref('int_case_acceptances') }}
),

special_procedures as (
    select * from {{ ref('stg_spgl__special_procedures') }}
),

local_rules as (
    select * from {{ ref('local_pause_rules') }}
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

paired as (
    select
        edges.*,
        coalesce(lag(is_start) over kind_order, false) as follows_start
    from edges
    where not is_start or terminal_number is null or event_number < terminal_number
    window kind_order as (partition by case_id, pause_kind, coalesce(reason_code, '') order by event_number)
),

-- two procedures whose ends carry their reason may overlap; without reasons only one can be open at a time.
-- A second start and an end without a start change nothing, so what is left alternates
alternating as (
    select
        paired.*,
        lead(event_date) over kind_order as next_date,
        lead(event_number) over kind_order as next_number
    from paired
    where is_start != follows_start
    window kind_order as (partition by case_id, pause_kind, coalesce(reason_code, '') order by event_number)
),

reasoned as (
    select
        alternating.*,
        cases.source_department,
        coalesce(alternating.reason_code, procedure.procedure_code) as known_reason_code
    from alternating
    inner join cases using (case_id)
    left join lateral (
        select special_procedures.procedure_code
        from special_procedures
        where alternating.pause_kind = 'special'
            and special_procedures.source_department = cases.source_department
            and special_procedures.instance_code = cases.instance_code
            and special_procedures.started_at::date = alternating.event_date
        order by special_procedures.started_at, special_procedures.batch_id, special_procedures.row_number
        limit 1
    ) as procedure on true
    where alternating.is_start
),

closed as (
    select
        reasoned.case_id,
        reasoned.source_department,
        reasoned.pause_kind,
        reasoned.known_reason_code as reason_code,
        coalesce(
            reasoned.responsible_party,
            case when reasoned.pause_kind = 'correction' then '建设单位' else '审批部门' end
        ) as responsible_party,
        reasoned.event_date as started_date,
        reasoned.next_date as ended_date,
        reasoned.event_number,
        reasoned.next_number,
        -- an open case's open pause lasts until today; a withdrawal ends it; on a decided case it earns nothing
        coalesce(
            reasoned.next_date,
            case
                when acceptances.outcome = 'open' then acceptances.as_of
                when acceptances.outcome = 'withdrawn' then acceptances.terminal_date
            end
        ) as credited_until,
        reasoned.next_date is null and acceptances.outcome = 'open' as is_open,
        acceptances.accepted_date,
        acceptances.terminal_number
    from reasoned
    inner join acceptances using (case_id)
)

select
    closed.case_id,
    closed.pause_kind,
    closed.reason_code,
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
        -- 公示 (5) is not on the statute's closed list: only a local rule makes it stop a clock
        else coalesce(local_rules.stops_promise, closed.reason_code is distinct from '5')
    end as stops_promise,
    case
        when closed.pause_kind = 'correction' then {{ policy.correction_after_acceptance == 'both' }}
        else coalesce(local_rules.stops_statute, closed.reason_code is distinct from '5')
    end as stops_statute,
    local_rules.basis as local_rule_basis
from closed
left join local_rules
    on local_rules.department = closed.source_department
    and local_rules.reason_code = closed.reason_code
    and closed.pause_kind = 'special'
    and local_rules.valid_from <= closed.started_date
