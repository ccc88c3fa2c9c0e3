{%- set elapsed = metric('median_elapsed_days') -%}
{%- set measure = case_measures().get(elapsed.cohort_column, {}).get(elapsed.values_sql, 'none') -%}

with calendar as (
    select * from {{ ref('int_calendar') }}
),

-- a decided case is closed on the day of its decision
counts as (
    select * from {{ ref('int_case_value_counts') }}
    where measure = '{{ measure }}'
)

select
    month,
    coalesce(department_name, '未标明') as department_name,
    coalesce(stage_name, '未标明') as stage_name,
    coalesce(flow_type_name, '未标明') as flow_type_name,
    measured_value::integer as elapsed_working_days,
    sum(case_count)::bigint as case_count,
    {{ as_of() }} as as_of,
    {{ stamps() }}
from counts
group by month, department_name, stage_name, flow_type_name, measured_value
