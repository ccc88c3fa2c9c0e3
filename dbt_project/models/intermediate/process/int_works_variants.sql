{{ config(
    materialized='incremental',
    incremental_strategy='replace_changed',
    unique_key='project_code',
    meta={'among': 'int_stirred_projects'},
    indexes=[{'columns': ['works_code'], 'unique': true}, {'columns': ['project_code']}]
) }}

{#- The sequential stages only: items of stage 5 run beside them and would make almost every 工程 a variant of its own. -#}

with steps as (
    select * from {{ ref('int_works_steps') }}
    where stage_number between 1 and 4
        and {{ only_changed('project_code', among='int_stirred_projects') }}
),

critical_path as (
    select * from {{ ref('int_critical_path') }}
    where {{ only_changed('project_code', among='int_stirred_projects') }}
),

-- items of one application accepted on one day are a set; they have no order among themselves
started_together as (
    select
        project_code,
        works_code,
        start_date,
        coalesce(parallel_group_code, case_id) as application,
        max(flow_type) as flow_type,
        min(stage_number) as stage_number,
        string_agg(coalesce(item_code, '?'), '+' order by item_code) as item_codes,
        count(*) as case_count,
        count(*) filter (where end_date is null) as open_case_count
    from steps
    group by project_code, works_code, start_date, application
),

spans as (
    select
        works_code,
        -- the path ends with the last milestone: that of the last stage, or the 工程 is still on its way
        coalesce((array_agg(stage_number order by path_number desc))[1] = 4, false) as reached_completion,
        sum(working_days)::integer as span_working_days
    from critical_path
    group by works_code
)

select
    started_together.project_code,
    started_together.works_code,
    max(started_together.flow_type) as flow_type,
    string_agg(
        case when case_count > 1 then '{' || item_codes || '}' else item_codes end,
        ' > ' order by start_date, stage_number, item_codes, application
    ) as variant,
    sum(case_count)::integer as case_count,
    sum(open_case_count)::integer as open_case_count,
    max(case_count)::integer as widest_step,
    coalesce(bool_or(spans.reached_completion), false) as is_complete,
    max(spans.span_working_days) as span_working_days
from started_together
left join spans using (works_code)
group by started_together.project_code, started_together.works_code
