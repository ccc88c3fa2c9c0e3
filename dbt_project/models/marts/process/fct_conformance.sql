{{ config(materialized='view') }}

with conformance as (
    select * from {{ ref('int_conformance') }}
),

works as (
    select * from {{ ref('int_works_lifecycles') }}
),

stamp as (
    select * from {{ stamp_of('int_conformance') }} as stamp
)

select
    conformance.works_code,
    conformance.rule,
    conformance.project_code,
    works.flow_type_code as flow_type,
    works.is_finished,
    conformance.check_count,
    conformance.deviation_count,
    conformance.exempted_count,
    conformance.deviating_subjects,
    conformance.deviating_case_ids,
    conformance.exemptions,
    conformance.deviation_count = 0 as conforms,
    stamp.as_of,
    stamp.calendar_version,
    stamp.rule_version
from conformance
inner join works using (works_code)
cross join stamp
