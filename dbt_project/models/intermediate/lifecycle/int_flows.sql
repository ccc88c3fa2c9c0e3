{{ config(indexes=[{'columns': ['flow_code', 'flow_version'], 'unique': true}]) }}

{#- A district has one set of flows, whichever department's library it lies in: the newest row of a version stands. -#}

with flows as (
    select * from {{ ref('stg_spgl__flows') }}
),

latest as (
    select distinct on (flow_code, flow_version) flows.*
    from flows
    where flow_code is not null and flow_version is not null
    order by flow_code, flow_version, batch_id desc, row_number desc, source_department
)

select
    flow_code,
    flow_version,
    flow_name,
    flow_type_code,
    valid_from,
    -- the first version also covers what came before the flows were written down
    case when lag(flow_version) over versions is null then date '1900-01-01' else coalesce(valid_from, date '1900-01-01') end
        as effective_from,
    coalesce((lead(coalesce(valid_from, date '1900-01-01')) over versions) - 1, date '9999-12-31') as effective_to,
    source_department
from latest
window versions as (partition by flow_code order by valid_from nulls first, length(flow_version), flow_version)
