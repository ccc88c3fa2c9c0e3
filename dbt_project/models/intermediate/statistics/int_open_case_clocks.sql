{{ config(materialized='view') }}

with instances as (
    select * from {{ ref('int_item_instances') }}
),

clocks as (
    select * from {{ ref('int_speed_observations') }}
    where state = 'open' or exclusion_reason = 'calendar_unavailable'
)

select
    instances.case_id,
    coalesce(instances.department_id, 'unknown') as department_id,
    coalesce(instances.item_code, 'unknown') as item_code,
    coalesce(instances.flow_type, 'unknown') as flow_type,
    coalesce(instances.stage_number::text, 'unknown') as stage_number,
    instances.promised_limit,
    instances.limit_unit,
    instances.project_code,
    clocks.elapsed_working_days as day,
    -- also of a promise in calendar days: what is left of it is counted in working days
    clocks.elapsed_working_days + instances.remaining_working_days as last_day,
    instances.is_overdue,
    coalesce(instances.clock_flags ~ '\mOPEN_SUSPENSION\M', false) as is_paused
from instances
inner join clocks using (case_id)
where instances.is_open
    and instances.promised_limit is not null
    and {{ is_counted_unit('instances.limit_unit') }}
