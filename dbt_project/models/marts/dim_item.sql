with items as (
    select * from {{ ref('int_items') }}
),

code_lists as (
    select * from {{ ref('code_lists') }}
)

select
    items.item_code,
    items.item_version,
    items.item_name,
    items.department_id,
    items.responsible_department_name as department_name,
    items.stage_number,
    stages.name as stage_name,
    items.statutory_limit,
    items.statutory_unit,
    items.promised_limit,
    items.promised_unit,
    items.step_count,
    items.material_count,
    items.visit_count,
    items.fee_yuan,
    items.item_kind,
    items.valid_from,
    items.valid_to,
    items.effective_from,
    items.effective_to,
    {{ as_of() }} between items.effective_from and items.effective_to as is_current
from items
left join code_lists as stages
    on stages.code_list = 'stage'
    and stages.code = items.stage_number::text
