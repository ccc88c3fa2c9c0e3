with items as (
    select * from {{ ref('int_flow_items') }}
),

stages as (
    select * from {{ ref('int_flow_stages') }}
)

select
    items.flow_code,
    items.flow_version,
    items.local_stage_number,
    stages.stage_number,
    items.item_code,
    items.item_version,
    items.item_name,
    items.department_id,
    items.department_name,
    items.promised_limit,
    items.is_milestone,
    items.allows_commitment as is_commitment_allowed,
    items.prerequisite_item_codes
from items
left join stages using (flow_stage_id)
