{{ config(materialized='view') }}

with applications as (
    select * from {{ ref('int_stage_applications') }}
),

stamp as (
    select * from {{ stamp_of('int_stage_applications') }} as stamp
)

select
    applications.works_code,
    applications.project_code,
    applications.stage_number,
    applications.stage_name,
    applications.flow_type_name,
    applications.item_count,
    applications.item_count_on_one_slip,
    applications.is_parallel,
    applications.first_accepted_date,
    applications.first_accepted_month,
    stamp.as_of,
    stamp.calendar_version,
    stamp.rule_version
from applications
cross join stamp
