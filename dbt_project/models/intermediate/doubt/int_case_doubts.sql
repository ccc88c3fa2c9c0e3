{{ config(
    materialized='incremental',
    incremental_strategy='replace_changed',
    unique_key='case_id',
    indexes=[{'columns': ['case_id'], 'unique': true}]
) }}

with instances as not materialized (
    select * from {{ ref('int_item_instances') }}
    where {{ only_changed('case_id') }}
),

entries as (
    select * from {{ ref('int_case_entries') }}
),

permits as (
    select * from {{ ref('int_case_permits') }}
),

-- applications for the same item of the same 工程; a case without item, project or any event has no siblings
dated as (
    select
        case_id,
        works_code,
        item_code,
        coalesce(received_date, accepted_date, closed_date) as received_date,
        closed_date,
        outcome
    from instances
    where project_code is not null
        and item_code is not null
        and coalesce(received_date, accepted_date, closed_date) is not null
),

siblings as (
    select
        case_id,
        received_date,
        lag(case_id) over applications as previous_case_id,
        lag(outcome) over applications as previous_outcome,
        lag(received_date) over applications as previous_received_date,
        lag(closed_date) over applications as previous_closed_date,
        lead(case_id) over applications as next_case_id,
        lead(received_date) over applications as next_received_date,
        (row_number() over applications)::integer as application_number
    from dated
    window applications as (partition by works_code, item_code order by received_date, case_id)
),

-- an open case whose permit exists by that day
permitted as (
    select distinct on (case_id)
        case_id,
        origin as finish_evidence,
        issued_date as suspected_finish_date
    from permits
    where outcome = 'open'
        and not is_no_permit
        and coalesce(issued_date <= {{ as_of() }}, true)
        and {{ only_changed('case_id') }}
    order by case_id, issued_date nulls last, permit_id
)

select
    instances.case_id,
    instances.source_department,
    instances.department_id,
    instances.project_code,
    instances.works_code,
    instances.item_code,
    instances.outcome,
    instances.closed_date,
    entries.terminal_at,
    coalesce(entries.entry_count > 0, false) as has_entry_time,
    entries.first_recorded_at,
    entries.last_recorded_at,
    coalesce(entries.is_entered_at_once, false) as is_entered_at_once,
    entries.is_backfilled,
    case when entries.is_backfilled then entries.entry_lag_days end as backfill_lag_days,
    permitted.finish_evidence,
    permitted.suspected_finish_date,
    permitted.case_id is not null as is_finish_withheld,
    siblings.application_number,
    case when siblings.previous_outcome in ('withdrawn', 'denied', 'not_accepted') then siblings.previous_case_id end
        as reapply_of_case_id,
    case
        when siblings.previous_outcome in ('withdrawn', 'denied', 'not_accepted')
            then siblings.received_date - siblings.previous_closed_date
    end as days_since_previous,
    coalesce(
        siblings.previous_outcome = 'withdrawn' and siblings.received_date - siblings.previous_closed_date between 0 and 30,
        false
    ) as is_reset_suspected,
    siblings.next_case_id as reapplied_by_case_id,
    coalesce(siblings.next_received_date - instances.closed_date between 0 and 90, false) as is_reapplied_within_90_days,
    -- the same application twice: same item, same 工程, same day, and the first was not closed on it
    coalesce(
        siblings.previous_received_date = siblings.received_date
        and siblings.previous_closed_date is distinct from siblings.received_date,
        false
    ) as is_duplicate,
    siblings.previous_case_id,
    instances.own_as_of
from instances
left join entries using (case_id)
left join siblings using (case_id)
left join permitted using (case_id)
