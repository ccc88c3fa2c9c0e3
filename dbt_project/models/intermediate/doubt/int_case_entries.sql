{{ config(
    materialized='incremental',
    incremental_strategy='replace_changed',
    unique_key='case_id',
    meta={'among': 'int_stirred_cases', 'keeps_former': 'int_changed_cases'},
    indexes=[{'columns': ['case_id'], 'unique': true}]
) }}

{#- The one pass over events for doubt: how a case's log looks, and when it was keyed in against when things happened. -#}

-- of all changed ones the former rows are kept; depends_on: {{ ref('int_changed_cases') }}
with events as (
    select * from {{ ref('int_case_events') }}
),

noted as (
    select
        case_id,
        count(*)::integer as event_count,
        count(recorded_at)::integer as entry_count,
        min(recorded_at) as first_recorded_at,
        max(recorded_at) as last_recorded_at,
        min(event_at) as first_event_at,
        max(event_at) filter (where event_number <= coalesce(terminal_number, event_number)) as last_event_at,
        min(event_kind) filter (where event_number = 1) as first_event_kind,
        min(event_at) filter (where event_number = first_acceptance_number) as accepted_at,
        min(event_at) filter (where event_number = terminal_number) as terminal_at,
        min(event_kind) filter (where event_number = terminal_number) as terminal_kind,
        min(opinion) filter (where event_number = terminal_number) as terminal_opinion,
        min(office_name) filter (where event_number = terminal_number) as terminal_office_name,
        (count(*) filter (where event_kind in ('decided_pass', 'decided_pass_tolerant', 'decided_deny')))::integer
            as decision_count,
        (count(*) filter (
            where event_kind = 'correction_requested' and event_number < coalesce(terminal_number, event_number + 1)
        ) - count(*) filter (
            where event_kind = 'correction_received' and event_number < coalesce(terminal_number, event_number + 1)
        ))::integer as unanswered_correction_count,
        count(*) filter (where event_kind in ('correction_requested', 'correction_received'))::integer as correction_event_count,
        count(*) filter (where event_kind = 'department_started')::integer as department_start_count,
        count(*) filter (where event_kind in ('special_start', 'special_end', 'suspended', 'resumed'))::integer as pause_event_count,
        -- what an office does by its own clock; papers come online at any hour, and a day without an hour says nothing
        (count(*) filter (
            where event_kind not in ('received', 'correction_received')
                and event_at::time != time '00:00'
                and (event_at::time < time '08:00' or event_at::time > time '17:30')
        ))::integer as outside_hours_count,
        -- entered before the day it carries
        (count(*) filter (where event_at::date > recorded_at::date))::integer as dated_after_entry_count
    from events
    where {{ only_changed('case_id', among='int_stirred_cases') }}
    group by case_id
),

measured as (
    select
        noted.*,
        terminal_at::date as terminal_date,
        -- a log of days has no moments to compare with
        terminal_at::time = time '00:00' as has_day_only,
        terminal_kind in ('decided_pass', 'decided_pass_tolerant', 'decided_deny') as is_decided,
        entry_count > 0 and last_recorded_at - first_recorded_at <= interval '10 minutes' as is_entered_at_once
    from noted
)

select
    case_id,
    event_count,
    entry_count,
    first_recorded_at,
    last_recorded_at,
    first_event_at,
    last_event_at,
    first_event_kind,
    accepted_at,
    terminal_at,
    terminal_kind,
    terminal_opinion,
    terminal_office_name,
    decision_count,
    unanswered_correction_count,
    correction_event_count,
    department_start_count,
    pause_event_count,
    outside_hours_count,
    dated_after_entry_count,
    -- at least two events, on different days, written down in one sitting
    entry_count > 1 and is_entered_at_once and last_event_at::date > first_event_at::date as is_entered_at_once,
    -- 补录: nothing of it was on record before the day after the decision, or all of it was written in one sitting right
    -- after the decision although the case had begun on an earlier day. Null where the sender gives no time of entry.
    case
        when not is_decided or entry_count = 0 then null
        else first_recorded_at::date > terminal_date
            or (
                is_entered_at_once
                and first_event_at::date < terminal_date
                and first_recorded_at >= case when has_day_only then terminal_date::timestamp else terminal_at end
            )
    end as is_backfilled,
    case when is_decided and entry_count > 0 then first_recorded_at::date - terminal_date end as entry_lag_days
from measured
