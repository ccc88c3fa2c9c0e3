{{ config(materialized='view') }}

with critical_path as (
    select * from {{ ref('int_critical_path') }}
),

departments as (
    select * from {{ ref('int_departments') }}
),

calendar as (
    select * from {{ ref('int_calendar') }}
),

spans as (
    select
        project_code,
        works_code,
        max(ended_date) as path_ended_date
    from critical_path
    group by project_code, works_code
),

-- a project is through when the last of its 工程 is
slowest as (
    select distinct on (project_code) works_code
    from spans
    order by project_code, path_ended_date desc, works_code
)

select
    critical_path.works_code,
    critical_path.path_number,
    critical_path.project_code,
    slowest.works_code is not null as is_slowest_works,
    critical_path.flow_type,
    critical_path.step_kind,
    case when step_kind = 'application' then 'applicant' else 'department' end as holder,
    critical_path.department_id,
    departments.department_name,
    critical_path.office_name,
    critical_path.case_id,
    critical_path.from_item_code,
    critical_path.from_item_name,
    critical_path.item_code,
    critical_path.item_name,
    critical_path.stage_number,
    critical_path.is_predecessor_required,
    critical_path.started_date,
    critical_path.ended_date,
    critical_path.working_days,
    critical_path.calendar_days,
    critical_path.paused_working_days,
    {{ stamps() }}
from critical_path
left join slowest using (works_code)
left join departments using (department_id)
