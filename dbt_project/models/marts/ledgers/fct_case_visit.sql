{{ config(materialized='view') }}

with cases as (
    select * from {{ ref('fct_item_instance') }}
    where is_decided
),

visits as (
    {{ feed_union('visits', [
        ['source_department', 'text'], ['visit_code', 'text'], ['instance_code', 'text'], ['department_name', 'text'],
        ['visited_at', 'timestamp']
    ]) }}
),

items as (
    select * from {{ ref('int_items') }}
),

departments as (
    select * from {{ ref('int_departments') }}
),

build as (
    select * from {{ ref('int_build') }}
),

visited as (
    select
        visits.instance_code,
        departments.department_id,
        coalesce(departments.department_name, visits.department_name) as department_name,
        min(visits.visited_at)::date as first_visited_date,
        count(*)::integer as visit_count
    from visits
    cross join build
    {{ join_named_department('visits.department_name') }}
    where visits.visited_at::date <= build.as_of or visits.visited_at is null
    group by 1, 2, 3
),

joined as (
    select
        cases.case_id,
        coalesce(cases.department_name, visited.department_name) as department_name,
        cases.stage_name,
        cases.flow_type_name,
        cases.item_code,
        cases.item_version,
        cases.item_name,
        cases.is_online,
        cases.decided_date,
        coalesce(visited.visit_count, 0) as window_visit_count,
        -- visits of no decided case are dated by themselves
        coalesce(cases.decided_date, visited.first_visited_date) as counted_date
    from cases
    full join visited
        on visited.instance_code = cases.instance_code
        and visited.department_id = cases.department_id
)

select
    joined.case_id,
    joined.department_name,
    joined.stage_name,
    joined.flow_type_name,
    joined.item_name,
    joined.is_online,
    joined.decided_date,
    joined.window_visit_count,
    items.visit_count as catalogue_visit_count,
    date_trunc('month', joined.counted_date)::date as counted_month,
    build.as_of,
    build.calendar_version,
    build.rule_version
from joined
cross join build
left join items on items.item_code = joined.item_code and items.item_version = joined.item_version
