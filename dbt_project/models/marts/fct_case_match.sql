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
        when 'T1' then 'code ' || project_code || ' is a project''s and its check digit fits'
        when 'T2' then 'code ' || project_code || ' is a project''s; an old one, or its check digit does not fit'
        when 'T3' then 'works code ' || given_works_code || ' begins with a project''s code'
        else match_evidence
    end as evidence,
    match_confirmed_by as confirmed_by,
    match_confirmed_date as confirmed_date,
    given_project_code,
    given_works_code,
    given_project_name,
    unmatched_reason,
    batch_id
from cases
