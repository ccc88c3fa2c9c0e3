{{ config(indexes=[{'columns': ['flow_code', 'flow_version', 'local_stage_number'], 'unique': true}]) }}

with flow_stages as (
    select * from {{ ref('stg_spgl__flow_stages') }}
),

latest as (
    select distinct on (flow_code, flow_version, local_stage_number) flow_stages.*
    from flow_stages
    where flow_code is not null and flow_version is not null and local_stage_number is not null
    order by flow_code, flow_version, local_stage_number, batch_id desc, row_number desc, source_department
)

select
    concat_ws('/', flow_code, flow_version, local_stage_number) as flow_stage_id,
    flow_code,
    flow_version,
    local_stage_number,
    local_stage_name,
    stage_number,
    regexp_replace(stage_numbers, '[^0-9]+', ',', 'g') as stage_numbers,
    -- the standard writes 0 for a stage without a limit (并行推进)
    nullif(stage_limit, 0) as stage_limit,
    case milestone_rule when 1 then 'all' when 2 then 'any' end as milestone_rule
from latest
