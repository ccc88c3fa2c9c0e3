{{ config(indexes=[{'columns': ['flow_code', 'flow_version', 'local_stage_number']}]) }}

with flow_items as (
    select * from {{ ref('stg_spgl__flow_items') }}
),

departments as (
    select * from {{ ref('int_departments') }}
),

latest as (
    select distinct on (flow_code, flow_version, local_stage_number, item_code, item_version) flow_items.*
    from flow_items
    where flow_code is not null
        and flow_version is not null
        and local_stage_number is not null
        and item_code is not null
    order by
        flow_code, flow_version, local_stage_number, item_code, item_version, batch_id desc, row_number desc,
        source_department
)

select
    concat_ws('/', latest.flow_code, latest.flow_version, latest.local_stage_number) as flow_stage_id,
    latest.flow_code,
    latest.flow_version,
    latest.local_stage_number,
    latest.item_code,
    latest.item_version,
    latest.item_name,
    latest.promised_limit,
    coalesce(latest.is_milestone, false) as is_milestone,
    latest.allows_commitment,
    nullif(regexp_replace(latest.prerequisite_item_codes, '[,，;；、\s]+', ',', 'g'), '') as prerequisite_item_codes,
    coalesce(owner.department_name, latest.department_name) as department_name,
    owner.department_id
from latest
{{ join_named_department('latest.department_name', 'owner') }}
