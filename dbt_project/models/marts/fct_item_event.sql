{{ config(indexes=[{'columns': ['case_id', 'event_number'], 'unique': true}]) }}

with events as (
    select * from {{ ref('int_case_events') }}
),

cases as (
    select * from {{ ref('int_cases') }}
)

select
    events.case_id,
    events.event_number::integer as event_number,
    cases.source_department,
    cases.project_code,
    cases.works_code,
    cases.item_code,
    events.event_kind,
    events.event_at,
    events.event_date,
    events.recorded_at,
    events.reason_code,
    events.office_name,
    events.batch_id,
    events.row_number,
    events.as_of
from events
inner join cases using (case_id)
