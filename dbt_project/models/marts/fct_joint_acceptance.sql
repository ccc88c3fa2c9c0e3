{{ config(materialized='view') }}

with acceptances as (
    select * from {{ ref('int_joint_acceptances') }}
),

stamp as (
    select * from {{ stamp_of('int_joint_acceptances') }} as stamp
)

select
    acceptances.works_code,
    acceptances.project_code,
    acceptances.flow_type_name,
    acceptances.acceptance_item_count,
    acceptances.is_joint,
    acceptances.is_passed_at_once,
    acceptances.last_decided_date,
    acceptances.last_decided_month,
    stamp.as_of,
    stamp.calendar_version,
    stamp.rule_version
from acceptances
cross join stamp
