{{ config(
    materialized='incremental',
    incremental_strategy='replace_changed',
    unique_key='project_code',
    meta={'among': 'int_stirred_projects'},
    indexes=[{'columns': ['works_code', 'stage_number'], 'unique': true}, {'columns': ['project_code']}]
) }}

with cases as (
    select
        works_code,
        project_code,
        stage_number,
        stage_name,
        flow_type_name,
        parallel_group_code,
        item_code,
        accepted_date
    from {{ ref('int_item_instances') }}
    where project_code is not null
        and {{ only_changed('project_code', among='int_stirred_projects') }}
        and stage_number between 1 and 4
        and accepted_date is not null
        and not is_withdrawn
),

-- the items of one slip (or of none); a second application for the same item does not make the first one serial
slip_items as (
    select
        works_code,
        stage_number,
        parallel_group_code,
        item_code,
        min(accepted_date) as accepted_date,
        min(project_code) as project_code,
        min(stage_name) as stage_name,
        min(flow_type_name) as flow_type_name
    from cases
    group by works_code, stage_number, parallel_group_code, item_code
),

slips as (
    select
        works_code,
        stage_number,
        parallel_group_code,
        count(*) as item_count,
        min(accepted_date) = max(accepted_date) as is_accepted_together
    from slip_items
    where parallel_group_code is not null
    group by works_code, stage_number, parallel_group_code
),

largest_slips as (
    select
        works_code,
        stage_number,
        max(item_count) as item_count_on_one_slip,
        bool_or(item_count >= 2 and is_accepted_together) as is_parallel
    from slips
    group by works_code, stage_number
),

applications as (
    select
        works_code,
        stage_number,
        min(project_code) as project_code,
        min(stage_name) as stage_name,
        min(flow_type_name) as flow_type_name,
        count(distinct item_code)::integer as item_count,
        min(accepted_date) as first_accepted_date
    from slip_items
    group by works_code, stage_number
)

select
    applications.works_code,
    applications.project_code,
    applications.stage_number,
    applications.stage_name,
    applications.flow_type_name,
    applications.item_count,
    coalesce(largest_slips.item_count_on_one_slip, 0)::integer as item_count_on_one_slip,
    coalesce(largest_slips.is_parallel, false) as is_parallel,
    applications.first_accepted_date,
    date_trunc('month', applications.first_accepted_date)::date as first_accepted_month
from applications
left join largest_slips using (works_code, stage_number)
