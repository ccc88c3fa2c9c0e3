{{ config(materialized='view') }}

with prerequisites as (
    select * from {{ ref('int_item_prerequisites') }}
),

stamp as (
    select * from {{ stamp_of('int_item_prerequisites') }} as stamp
)

select
    prerequisites.prerequisite_id,
    prerequisites.project_code,
    prerequisites.works_code,
    prerequisites.case_id,
    prerequisites.permit_id,
    prerequisites.is_case_grant,
    prerequisites.item_code,
    prerequisites.item_name,
    prerequisites.department_id,
    prerequisites.granted_at,
    date_trunc('month', prerequisites.granted_at)::date as granted_month,
    prerequisites.prerequisite_item_code,
    prerequisites.prerequisite_item_name,
    prerequisites.basis,
    prerequisites.prerequisite_case_id,
    prerequisites.prerequisite_granted_at,
    prerequisites.state,
    prerequisites.exemption,
    prerequisites.is_counted,
    prerequisites.is_break,
    stamp.as_of,
    stamp.calendar_version,
    stamp.rule_version
from prerequisites
cross join stamp
