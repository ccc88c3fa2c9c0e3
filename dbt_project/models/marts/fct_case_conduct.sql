{{ config(materialized='view') }}

with cases as (
    select * from {{ ref('fct_item_instance') }}
),

doubts as (
    select * from {{ ref('fct_case_doubt') }}
),

prerequisites as (
    select * from {{ ref('fct_item_prerequisite') }}
    where is_case_grant
),

orders as (
    select
        case_id,
        bool_or(is_counted) as has_counted_prerequisite,
        bool_or(is_break) as has_order_break
    from prerequisites
    group by case_id
)

select
    cases.case_id,
    cases.department_name,
    cases.office_name,
    cases.stage_name,
    cases.flow_type_name,
    cases.item_name,
    cases.outcome,
    cases.correction_count,
    cases.received_date,
    cases.decided_date,
    cases.is_open,
    cases.is_decided,
    cases.is_withdrawn,
    cases.has_order_error,
    coalesce(doubts.reapply_of_case_id is not null and doubts.days_since_previous <= 90, false) as is_reapplication,
    coalesce(doubts.is_reapplied_within_90_days, false) as is_reapplied,
    coalesce(doubts.is_reset_suspected, false) as is_reset_suspected,
    doubts.is_backfilled,
    orders.case_id is not null as has_prerequisite,
    coalesce(orders.has_counted_prerequisite, false) as has_counted_prerequisite,
    coalesce(orders.has_order_break, false) as has_order_break,
    cases.received_month,
    cases.decided_month,
    cases.closed_month,
    cases.as_of,
    cases.calendar_version,
    cases.rule_version
from cases
left join doubts using (case_id)
left join orders using (case_id)
