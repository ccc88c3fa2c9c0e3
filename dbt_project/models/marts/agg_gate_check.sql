{{ config(materialized='view') }}

with results as (
    select * from {{ source('landing', 'expectation_result') }}
),

departments as (
    select * from {{ ref('int_departments') }}
)

select
    results.department,
    departments.department_name,
    (results.checked_at at time zone 'Asia/Shanghai')::date as checked_date,
    count(*) as check_count,
    count(*) filter (where not results.success) as failed_check_count,
    sum(results.element_count)::bigint as checked_value_count,
    sum(results.unexpected_count)::bigint as unexpected_value_count,
    sum(results.unexpected_count)::numeric / nullif(sum(results.element_count), 0) as unexpected_share
from results
left join departments on departments.department_id = results.department
group by results.department, departments.department_name, checked_date
