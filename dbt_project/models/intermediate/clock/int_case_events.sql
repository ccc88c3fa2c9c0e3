{{ config(
    materialized='incremental',
    incremental_strategy='replace_changed',
    unique_key='case_id',
    indexes=[{'columns': ['case_id', 'event_number'], 'unique': true}]
) }}

with events as (
    select * from {{ ref('int_case_events_unioned') }}
),

cases as (
    select * from {{ ref('int_cases') }}
    where {{ only_changed('case_id') }}
),

-- an event counts once its kind and time are known and its day has come; the rest are rows of the issue log, as are
-- stand-in dates (1970-01-01 where a date is required and none is known)
visible as (
    select
        cases.case_id,
        {{ case_as_of() }} as as_of,
        events.event_kind,
        events.event_at,
        events.event_at::date as event_date,
        events.source_order,
        events.recorded_at,
        events.reason_code,
        events.procedure_name,
        events.responsible_party,
        events.extension_days,
        events.extension_unit,
        events.document_number,
        events.office_name,
        events.opinion,
        events.batch_id,
        events.row_number
    from events
    inner join cases using (source_department, instance_code)
    where events.event_kind is not null
        and events.event_at >= timestamp '2000-01-01'
        and events.event_at::date <= {{ case_as_of() }}
),

numbered as (
    select
        visible.*,
        row_number() over case_order as event_number,
        lag(event_kind) over case_order as previous_event_kind
    from visible
    window case_order as (partition by case_id order by event_at, source_order, batch_id, row_number)
)

-- windows, not joins of the events to themselves: the planner cannot guess how many there are and would loop over all
select
    numbered.*,
    min(event_number) filter (
        where event_kind in (
            'decided_pass', 'decided_pass_tolerant', 'decided_deny', 'withdrawn', 'not_accepted', 'refused_acceptance',
            'recalled', 'revoked'
        )
    ) over one_case as terminal_number,
    -- the state held before a pause is sometimes written again after it: a second 受理 there is no second acceptance
    min(event_number) filter (where event_kind = 'accepted') over one_case as first_acceptance_number
from numbered
window one_case as (partition by case_id)
