{{ config(materialized='table') }}

with works as (
    select * from {{ ref('int_works_lifecycles') }}
),

projects as (
    select * from {{ ref('int_project_lifecycles') }}
),

steps as (
    select * from {{ ref('int_works_steps') }}
),

-- a 工程 that is through may have a case that is not: its time goes on
still_open as (
    select distinct works_code
    from steps
    where stage_number between 1 and 4 and end_date is null
)

select
    works.works_code,
    works.project_code,
    works.flow_type_code as flow_type,
    case
        when works.is_withdrawn or (projects.is_withdrawn and not works.is_finished) then 'withdrawn'
        when not works.is_finished then 'unfinished'
        when works.approval_working_days is null then 'no_case'
        when still_open.works_code is not null then 'open_case'
    end as exclusion_reason,
    works.approval_working_days::integer as approval_working_days,
    works.span_working_days::integer as span_working_days
from works
inner join projects using (project_code)
left join still_open using (works_code)
