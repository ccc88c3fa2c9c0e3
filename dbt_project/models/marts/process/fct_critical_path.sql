{{ config(materialized='view') }}

with critical_path as (
    select * from {{ ref('int_critical_path') }}
),

stamp as (
    select * from {{ stamp_of('int_critical_path') }} as stamp
)

select
    critical_path.works_code,
    critical_path.path_number,
    critical_path.project_code,
    critical_path.is_slowest_works,
    critical_path.flow_type,
    critical_path.step_kind,
    case when step_kind = 'application' then 'applicant' else 'department' end as holder,
    critical_path.department_id,
    critical_path.department_name,
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
    stamp.as_of,
    stamp.calendar_version,
    stamp.rule_version
from critical_path
cross join stamp
