{{ config(materialized='view') }}

with quarantine as (
    select * from {{ source('landing', 'quarantine') }}
),

departments as (
    select * from {{ ref('int_departments') }}
)

select
    quarantine.department,
    departments.department_name,
    quarantine.table_name,
    quarantine.rule,
    quarantine.severity,
    case quarantine.severity when 'fail' then '已隔离' else '已放行，存疑' end as severity_name,
    count(*) as row_count,
    min(quarantine.quarantined_at) at time zone 'Asia/Shanghai' as first_quarantined_at,
    max(quarantine.quarantined_at) at time zone 'Asia/Shanghai' as last_quarantined_at
from quarantine
left join departments on departments.department_id = quarantine.department
group by quarantine.department, departments.department_name, quarantine.table_name, quarantine.rule, quarantine.severity
