{{ config(
    materialized='incremental',
    incremental_strategy='write_differences',
    unique_key='item_code',
    indexes=[{'columns': ['item_code']}]
) }}

with items as (
    select * from {{ ref('int_items_unioned') }}
),

departments as (
    select * from {{ ref('int_departments') }}
),

flow_stages as (
    select * from {{ ref('stg_spgl__flow_stages') }}
),

flow_items as (
    select * from {{ ref('stg_spgl__flow_items') }}
),

-- items that only the flow tables of the national standard know (they carry the promise but no statutory limit)
flow_catalogue as (
    select distinct on (flow_items.item_code, flow_items.item_version)
        flow_items.source_department,
        flow_items.item_code,
        coalesce(flow_items.item_version, '1') as item_version,
        flow_items.item_name,
        flow_items.department_name,
        flow_stages.stage_number,
        flow_items.promised_limit,
        flow_items.prerequisite_item_codes,
        flow_items.batch_id,
        flow_items.row_number
    from flow_items
    left join flow_stages using (source_department, flow_code, flow_version, local_stage_number)
    where not exists (select 1 from items where items.item_code = flow_items.item_code)
    order by flow_items.item_code, flow_items.item_version, flow_items.flow_code, length(flow_items.flow_version) desc,
        flow_items.flow_version desc, flow_items.batch_id desc, flow_items.row_number desc
),

catalogue as (
    select * from items
    union all
    select
        source_department,
        item_code,
        item_version,
        item_name,
        department_name,
        null as national_item_code,
        stage_number,
        null as statutory_limit,
        null as statutory_unit,
        promised_limit,
        'working_days' as promised_unit,
        null as step_count,
        null as material_count,
        null as visit_count,
        null as fee_yuan,
        null as item_kind,
        null as item_class,
        null as allows_commitment,
        prerequisite_item_codes,
        null as valid_from,
        null as valid_to,
        batch_id,
        row_number
    from flow_catalogue
),

latest as (
    select distinct on (item_code, item_version) catalogue.*
    from catalogue
    where item_code is not null
    order by item_code, item_version, batch_id desc, row_number desc
),

begun as (
    select
        latest.*,
        coalesce(latest.valid_from, date '1900-01-01') as effective_from
    from latest
),

-- a new version ends the one before it, also where the catalogue forgot to say so; of several that begin on one day, or
-- tell no day, only the newest is ever in force: its item is one item
dated as (
    select
        begun.*,
        least(valid_to, lead(effective_from) over versions - 1, date '9999-12-31') as effective_to
    from begun
    window versions as (partition by item_code order by effective_from, length(item_version), item_version)
)

select
    dated.*,
    coalesce(owner.department_id, dated.source_department) as department_id,
    coalesce(owner.department_name, dated.department_name) as responsible_department_name
from dated
{{ join_named_department('dated.department_name', 'owner') }}
