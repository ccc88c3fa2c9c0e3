{%- set policy = clock_policy() -%}

with cases as not materialized (
    select * from {{ ref('int_cases') }}
    where {{ only_changed('case_id') }}
),

-- read twice by its index in the order of each case, rather than written out in between
events as not materialized (
    select * from {{ ref('int_case_events') }}
    where {{ only_changed('case_id') }}
),

calendar as (
    select * from {{ ref('int_calendar') }}
),
{%- if policy.closed_day_acceptance == 'roll_forward' %}

working_days as (
    select * from calendar
    where is_working_day
),
{%- endif %}

uncounted_events as (
    select * from {{ ref('int_events') }}
    where event_number is null
),

first_events as (
    select
        case_id,
        min(event_date) filter (where event_kind = 'received') as received_date,
        min(event_date) filter (where event_number = first_acceptance_number) as recorded_accepted_date,
        min(event_date) filter (where event_number = terminal_number) as terminal_date,
        min(event_kind) filter (where event_number = terminal_number) as terminal_kind,
        -- who ended it, else who accepted it, else who took it in
        coalesce(
            min(office_name) filter (where event_number = terminal_number),
            min(office_name) filter (where event_number = first_acceptance_number),
            min(office_name) filter (where event_number = 1)
        ) as office_name,
        min(first_acceptance_number) as first_acceptance_number,
        min(terminal_number) as terminal_number,
        min(event_date) as first_event_date,
        max(event_at) as last_event_at,
        count(*) filter (
            where event_kind = 'correction_requested' and event_number < coalesce(terminal_number, event_number + 1)
        ) as correction_count,
        -- a repeated 受理 right after a pause restates what was held before it
        count(*) filter (
            where event_kind = 'accepted'
                and event_number > first_acceptance_number
                and coalesce(previous_event_kind, '') not in ('correction_received', 'special_end', 'resumed')
        ) as repeated_acceptance_count
    from events
    group by case_id
),

-- until the case is accepted or ended; that is itself a reply, so nothing later matters
before_acceptance as (
    select
        case_id,
        event_number,
        event_date,
        event_kind,
        event_kind not in ('received', 'correction_received') as is_reply
    from events
    where event_number <= least(first_acceptance_number, terminal_number, 2147483647)
        and event_kind in (
            'received', 'correction_received', 'accepted', 'correction_requested', 'not_accepted', 'refused_acceptance',
            'decided_pass', 'decided_pass_tolerant', 'decided_deny', 'withdrawn', 'recalled', 'revoked'
        )
),

answered as (
    select
        case_id,
        event_number,
        event_date,
        is_reply,
        event_kind = 'correction_received' or count(*) filter (where event_kind = 'received') over earlier = 1 as is_receipt,
        min(event_date) filter (where is_reply) over later as reply_date,
        min(event_number) filter (where is_reply) over later
        = min(event_number) filter (where event_kind = 'correction_requested') over later as is_reply_correction
    from before_acceptance
    window
        earlier as (partition by case_id order by event_number),
        later as (partition by case_id order by event_number rows between 1 following and unbounded following)
),

-- the department owes a reply to the application, and again to each set of corrected papers, until it has accepted
receipts as (
    select
        answered.case_id,
        answered.event_number,
        answered.event_date,
        coalesce(answered.reply_date, {{ case_as_of() }}) as answered_by,
        coalesce(answered.is_reply_correction, false) as is_late_correction
    from answered
    inner join cases using (case_id)
    where answered.is_receipt
        and not answered.is_reply
        -- no more working days than days have passed: nearly all are answered by then
        and coalesce(answered.reply_date, {{ case_as_of() }}) - answered.event_date > {{ policy.reply_days }}
),

unanswered as (
    select distinct on (receipts.case_id)
        receipts.case_id,
        receipts.event_date as deemed_date,
        receipts.is_late_correction
    from receipts
    inner join calendar as receipt_day on receipt_day.date_day = receipts.event_date
    -- after the last loaded day nothing is counted, but five days of silence before it stay five days
    cross join (select max(date_day) as date_day from calendar) as last_loaded
    inner join calendar as reply_day on reply_day.date_day = least(receipts.answered_by, last_loaded.date_day)
    where reply_day.working_day_number - receipt_day.working_day_number > {{ policy.reply_days }}
    order by receipts.case_id, receipts.event_number
),

judged as (
    select
        cases.case_id,
        {{ case_as_of() }} as as_of,
        first_events.received_date,
        first_events.recorded_accepted_date,
        first_events.first_acceptance_number,
        first_events.terminal_number,
        first_events.terminal_date,
        first_events.terminal_kind,
        first_events.office_name,
        first_events.first_event_date,
        first_events.last_event_at,
        coalesce(first_events.correction_count, 0) as correction_count,
        coalesce(first_events.repeated_acceptance_count, 0) > 0 as has_repeated_acceptance,
        case
            when first_events.terminal_kind in ('decided_pass', 'decided_pass_tolerant') then 'passed'
            when first_events.terminal_kind = 'decided_deny' then 'denied'
            when first_events.terminal_kind in ('not_accepted', 'refused_acceptance') then 'not_accepted'
            -- a recall or revocation without a decision before it ends the case as a withdrawal does
            when first_events.terminal_kind is not null then 'withdrawn'
            else 'open'
        end as outcome,
        {{ 'unanswered.deemed_date' if policy.deemed_acceptance else 'null::date' }} as deemed_date,
        coalesce(unanswered.is_late_correction, false) as is_late_correction,
        coalesce(first_events.terminal_date < first_events.recorded_accepted_date, false) as has_order_error
    from cases
    left join first_events using (case_id)
    left join unanswered using (case_id)
    -- a case whose first event lies after as_of does not exist yet; one without any event is a doubt, not a future
    where first_events.case_id is not null
        or not exists (
            select 1
            from uncounted_events
            where uncounted_events.case_id = cases.case_id
                and uncounted_events.event_at::date > {{ case_as_of() }}
        )
),

accepted as (
    select
        judged.*,
        case
            when has_order_error or outcome = 'not_accepted' then null
            else coalesce(deemed_date, recorded_accepted_date)
        end as accepted_date
    from judged
)

select
    accepted.*,
    -- day 0 of both clocks
    {% if policy.closed_day_acceptance == 'roll_forward' -%}
    coalesce(first_working_day.date_day, accepted.accepted_date) as clock_start_date,
    {%- else -%}
    accepted.accepted_date as clock_start_date,
    {%- endif %}
    accepted_date is not null and deemed_date is not null as is_deemed_accepted,
    accepted_date is not null and deemed_date is not null and is_late_correction as has_late_correction,
    coalesce(terminal_date, as_of) as end_date
from accepted
{%- if policy.closed_day_acceptance == 'roll_forward' %}
left join calendar as acceptance_day
    on acceptance_day.date_day = accepted.accepted_date
    and not acceptance_day.is_working_day
left join working_days as first_working_day
    on first_working_day.working_day_number = acceptance_day.working_day_number + 1
{%- endif %}
