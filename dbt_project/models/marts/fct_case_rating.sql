{{ config(materialized='view') }}

with cases as (
    select * from {{ ref('fct_item_instance') }}
    where is_decided
),

ratings as (
    select * from {{ ref('int_ratings_unioned') }}
),

departments as (
    select * from {{ ref('int_departments') }}
),

build as (
    select * from {{ ref('int_build') }}
),

-- a case rated twice keeps the last word
latest as (
    select distinct on (ratings.instance_code, ratings.department_name)
        ratings.*,
        ratings.rated_at::date as rated_date
    from ratings
    cross join build
    where ratings.rated_at::date <= build.as_of
    order by ratings.instance_code, ratings.department_name, ratings.rated_at desc, ratings.batch_id desc, ratings.row_number desc
),

of_departments as (
    select
        latest.*,
        departments.department_id
    from latest
    {{ join_named_department('latest.department_name') }}
),

joined as (
    select
        cases.case_id,
        coalesce(cases.department_name, of_departments.department_name) as department_name,
        cases.office_name,
        cases.stage_name,
        cases.flow_type_name,
        cases.item_name,
        cases.decided_date,
        of_departments.rated_date,
        of_departments.grade,
        of_departments.is_default,
        -- a rating of no decided case is dated by itself
        coalesce(cases.decided_date, of_departments.rated_date) as counted_date
    from cases
    full join of_departments
        on of_departments.instance_code = cases.instance_code
        and of_departments.department_id = cases.department_id
)

select
    joined.case_id,
    joined.department_name,
    joined.office_name,
    joined.stage_name,
    joined.flow_type_name,
    joined.item_name,
    joined.decided_date,
    joined.rated_date,
    joined.grade,
    joined.is_default,
    joined.case_id is not null and joined.rated_date is not null and joined.is_default is not true as is_rated,
    case when joined.grade between 1 and 5 then joined.grade >= 3 end as is_satisfied,
    date_trunc('month', joined.counted_date)::date as counted_month,
    build.as_of,
    build.calendar_version,
    build.rule_version
from joined
cross join build
