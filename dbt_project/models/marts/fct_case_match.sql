{{ config(materialized='view') }}

with cases as (
    select * from {{ ref('int_cases') }}
)

select
    case_id,
    source_department,
    department_id,
    project_code,
    match_tier,
    matched_on,
    case match_tier
        when 'T1' then '项目代码 ' || project_code || ' 已登记，校验位相符'
        when 'T2' then '项目代码 ' || project_code || ' 已登记；旧版代码，或校验位不符'
        when 'T3' then '工程代码 ' || given_works_code || ' 以已登记的项目代码开头'
        else {{ mask_text('match_evidence') }}
    end as evidence,
    match_confirmed_by as confirmed_by,
    match_confirmed_date as confirmed_date,
    given_project_code,
    given_works_code,
    {{ mask_text('given_project_name') }} as given_project_name,
    unmatched_reason,
    batch_id
from cases
