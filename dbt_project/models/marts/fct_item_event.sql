{{ config(materialized='view') }}

with events as (
    select * from {{ ref('int_events') }}
    where event_number is not null
),

cases as (
    select * from {{ ref('int_cases') }}
),

kinds as (
    select * from {{ ref('int_event_kinds') }}
),

code_lists as (
    select * from {{ ref('code_lists') }}
),

stamp as (
    select * from {{ stamp_of('int_events') }} as stamp
)

select
    events.case_id,
    events.event_number::integer as event_number,
    cases.source_department,
    cases.project_code,
    cases.works_code,
    cases.item_code,
    events.event_kind,
    kinds.status_name as event_name,
    events.event_at,
    events.event_date,
    events.recorded_at,
    events.reason_code,
    coalesce(events.procedure_name, reasons.name) as procedure_name,
    events.extension_days,
    events.document_number,
    events.office_name,
    events.batch_id,
    events.row_number,
    coalesce(cases.own_as_of, stamp.as_of) as as_of
from events
inner join cases using (case_id)
left join kinds using (event_kind)
left join code_lists as reasons
    on reasons.code_list = 'special_procedure'
    and reasons.code = events.reason_code
cross join stamp
