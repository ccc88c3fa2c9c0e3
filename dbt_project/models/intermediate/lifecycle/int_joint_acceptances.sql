{{ config(
    materialized='incremental',
    incremental_strategy='replace_changed',
    unique_key='project_code',
    meta={'among': 'int_stirred_projects'},
    indexes=[{'columns': ['works_code'], 'unique': true}, {'columns': ['project_code']}]
) }}

with cases as (
    select * from {{ ref('int_item_instances') }}
    where project_code is not null and stage_number = 4 and is_decided and not has_order_error
        and {{ only_changed('project_code', among='int_stirred_projects') }}
),

milestone_items as (
    select * from {{ ref('int_milestone_items') }}
),

-- the filing of the completion follows on the acceptance and is no part of it
acceptance_cases as (
    select cases.*
    from cases
    left join milestone_items
        on milestone_items.item_name = cases.item_name
        and milestone_items.milestone = 'completion'
    where milestone_items.item_name is null
),

slips as (
    select
        works_code,
        parallel_group_code,
        count(distinct item_code) as item_count
    from acceptance_cases
    where parallel_group_code is not null
    group by works_code, parallel_group_code
),

fullest_slips as (
    select
        works_code,
        max(item_count) as item_count
    from slips
    group by works_code
),

accepted as (
    select
        works_code,
        min(project_code) as project_code,
        min(flow_type_name) as flow_type_name,
        count(distinct item_code)::integer as item_count,
        bool_and(outcome = 'passed' and correction_count = 0) as is_passed_at_once,
        max(decided_date) as last_decided_date
    from acceptance_cases
    group by works_code
)

select
    accepted.works_code,
    accepted.project_code,
    accepted.flow_type_name,
    accepted.item_count as acceptance_item_count,
    -- what had to be applied for again afterwards does not undo the joint instance
    accepted.item_count >= 2 and coalesce(fullest_slips.item_count = accepted.item_count, false) as is_joint,
    accepted.is_passed_at_once,
    accepted.last_decided_date,
    date_trunc('month', accepted.last_decided_date)::date as last_decided_month
from accepted
left join fullest_slips using (works_code)
