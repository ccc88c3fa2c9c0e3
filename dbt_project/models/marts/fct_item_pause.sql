{{ config(materialized='view') }}

with pauses as (
    select * from {{ ref('int_item_pauses') }}
),

stamp as (
    select * from {{ stamp_of('int_item_pauses') }} as stamp
)

select
    pauses.case_id,
    pauses.pause_number,
    pauses.source_department,
    pauses.project_code,
    pauses.item_code,
    pauses.pause_kind,
    pauses.reason_code,
    pauses.reason_name,
    pauses.responsible_party,
    pauses.started_date,
    pauses.ended_date,
    pauses.start_event_number,
    pauses.end_event_number,
    pauses.first_excluded_date,
    pauses.last_excluded_date,
    pauses.excluded_working_days,
    pauses.stops_promise,
    pauses.stops_statute,
    pauses.local_rule_basis,
    pauses.is_open,
    pauses.is_unclosed_on_decided,
    pauses.is_closed_after_decision,
    pauses.began_before_acceptance,
    coalesce(pauses.own_as_of, stamp.as_of) as as_of,
    stamp.calendar_version,
    stamp.rule_version
from pauses
cross join stamp
