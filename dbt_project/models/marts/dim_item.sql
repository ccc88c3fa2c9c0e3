with items as (
    select * from {{ ref('int_items') }}
),

channels as (
    {{ feed_union('item_channels', [
        ['item_code', 'text'], ['online_depth', 'text'], ['is_cross_province', 'boolean'], ['since', 'date']
    ]) }}
),

code_lists as (
    select * from {{ ref('code_lists') }}
),

-- how far each item can be done online by as_of
latest_channels as (
    select distinct on (item_code) channels.*
    from channels
    where since <= {{ as_of() }}
    order by item_code, since desc
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
    {{ as_of() }} between items.effective_from and items.effective_to as is_current,
    latest_channels.online_depth,
    latest_channels.online_depth = '全程网办' as is_fully_online,
    latest_channels.is_cross_province,
    latest_channels.since as online_since
from items
left join latest_channels using (item_code)
left join code_lists as stages
    on stages.code_list = 'stage'
    and stages.code = items.stage_number::text
