{{ config(materialized='view') }}

with doubts as (
    select * from {{ ref('int_case_doubts') }}
),

prerequisites as (
    select * from {{ ref('int_item_prerequisites') }}
),

-- an open case for which something was already granted that had to wait for it
succeeded as (
    select
        prerequisite_case_id as case_id,
        min(granted_at)::date as granted_date
    from prerequisites
    where is_break and prerequisite_granted_at is null
    group by prerequisite_case_id
),

stamp as (
    select * from {{ stamp_of('int_case_doubts') }} as stamp
)

select
    doubts.case_id,
    doubts.source_department,
    doubts.department_id,
    doubts.project_code,
    doubts.works_code,
    doubts.item_code,
    doubts.outcome,
    doubts.has_entry_time,
    doubts.first_recorded_at,
    doubts.last_recorded_at,
    doubts.is_entered_at_once,
    doubts.is_backfilled,
    doubts.backfill_lag_days,
    coalesce(
        doubts.finish_evidence,
        case when doubts.outcome = 'open' and succeeded.case_id is not null then 'successor' end
    ) as finish_evidence,
    coalesce(doubts.suspected_finish_date, case when doubts.outcome = 'open' then succeeded.granted_date end)
        as suspected_finish_date,
    doubts.is_finish_withheld,
    doubts.application_number,
    doubts.reapply_of_case_id,
    doubts.days_since_previous,
    doubts.is_reset_suspected,
    doubts.reapplied_by_case_id,
    doubts.is_reapplied_within_90_days,
    doubts.is_duplicate,
    coalesce(doubts.own_as_of, stamp.as_of) as as_of,
    stamp.calendar_version,
    stamp.rule_version
from doubts
left join succeeded using (case_id)
cross join stamp
