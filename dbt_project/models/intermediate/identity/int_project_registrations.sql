{{ config(indexes=[{'columns': ['project_code']}]) }}

with sent as (
    select * from {{ ref('int_projects_unioned') }}
),

versions as (
    select
        {{ canonical_code('project_code_raw') }} as project_code,
        sent.*
    from sent
)

-- a version holds until the same registration comes with another
select
    versions.*,
    coalesce(registration_code, project_code) as registration_key,
    lead(batch_id) over one_registration as replaced_by_batch_id,
    lead(batch_id) over one_registration is null as is_current
from versions
where project_code is not null
window one_registration as (
    partition by source_department, coalesce(registration_code, project_code) order by batch_id, row_number
)
