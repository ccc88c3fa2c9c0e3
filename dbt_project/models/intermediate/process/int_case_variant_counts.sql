{{ config(
    materialized='incremental',
    incremental_strategy='add_counts',
    meta={'counts': ['case_count', 'restated_event_count', 'after_end_event_count']}
) }}

with paths as (
    {{ signed_rows('int_case_paths', 'case_id') }}
),

instances as (
    {{ signed_rows('int_item_instances', 'case_id') }}
),

measured as (
    select
        paths.sign,
        instances.department_id,
        instances.item_code,
        paths.event_kinds,
        not paths.has_end as is_open,
        case when instances.is_decided then instances.elapsed_working_days end as elapsed_working_days,
        paths.restated_event_count,
        paths.after_end_event_count
    from paths
    inner join instances using (case_id, sign)
)

select
    department_id,
    item_code,
    event_kinds,
    is_open,
    elapsed_working_days,
    sum(sign) as case_count,
    sum(sign * restated_event_count) as restated_event_count,
    sum(sign * after_end_event_count) as after_end_event_count
from measured
group by department_id, item_code, event_kinds, is_open, elapsed_working_days
