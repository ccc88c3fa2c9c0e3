{#- The few special procedures are hashed: the planner would sort all events once more to merge them in. -#}
{{ config(
    materialized='incremental',
    incremental_strategy='replace_changed',
    unique_key='case_id',
    meta={'among': 'int_stirred_cases'},
    indexes=[{'columns': ['case_id', 'event_number']}],
    pre_hook="set local enable_mergejoin = off"
) }}

{%- set names = case_event_columns() | map(attribute=0) | join(', ') %}

with spgl_events as (
    {{ spgl_case_events(about_changed('case_id', among='int_stirred_cases')) }}
),

feed_events as (
    select * from {{ ref('int_feed_case_events') }}
),

events as (
    select {{ names }} from spgl_events
    union all
    select {{ names }} from feed_events
),

cases as (
    select * from {{ ref('int_cases') }}
),

identified as (
    select
        events.*,
        events.source_department || ':' || events.instance_code as case_id,
        false as is_void
    from events
),

changed as (
    select * from identified
    where {{ only_changed('case_id', alias='identified', among='int_stirred_cases') }}
),

corrected as (
    {{ with_corrections('event', case_event_columns() + [['case_id', 'text'], ['is_void', 'boolean']], {
        'source_department': 'changed.source_department', 'instance_code': 'changed.instance_code',
        'event_kind': 'changed.event_kind', 'event_at': 'changed.event_at'
    }, sent='changed') }}
),

-- an event counts once its case, kind and time are known and its day has come, unless a correction voids it; the rest
-- are rows of the issue log, as are stand-in dates (1970-01-01 where a date is required and none is known)
judged as (
    select
        corrected.*,
        cases.case_id is not null as is_known_case,
        coalesce(
            cases.case_id is not null
            and not corrected.is_void
            and corrected.event_kind is not null
            and corrected.event_at >= timestamp '2000-01-01'
            and corrected.event_at::date <= {{ case_as_of() }},
            false
        ) as counts
    from corrected
    left join cases on cases.case_id = corrected.case_id
),

numbered as (
    select
        judged.*,
        case when counts then row_number() over case_order end as event_number,
        case when counts then lag(event_kind) over case_order end as previous_event_kind
    from judged
    window case_order as (partition by case_id, counts order by event_at, source_order, batch_id, row_number)
)

-- windows, not joins of the events to themselves: the planner cannot guess how many there are and would loop over all
select
    case_id,
    source_department,
    instance_code,
    is_known_case,
    event_number,
    event_kind,
    event_at,
    event_at::date as event_date,
    source_order,
    recorded_at,
    reason_code,
    procedure_name,
    responsible_party,
    extension_days,
    extension_unit,
    document_number,
    office_name,
    opinion,
    is_void,
    correction_outcomes,
    batch_id,
    row_number,
    previous_event_kind,
    min(event_number) filter (
        where event_kind in (
            'decided_pass', 'decided_pass_tolerant', 'decided_deny', 'withdrawn', 'not_accepted', 'refused_acceptance',
            'recalled', 'revoked'
        )
    ) over one_case as terminal_number,
    -- the state held before a pause is sometimes written again after it: a second 受理 there is no second acceptance
    min(event_number) filter (where event_kind = 'accepted') over one_case as first_acceptance_number
from numbered
window one_case as (partition by case_id, counts)
