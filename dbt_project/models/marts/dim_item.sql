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
),

steps as (
    select
        item_code,
        item_version,
        count(*)::integer as listed_step_count,
        (count(*) filter (where is_met_by_applicant))::integer as applicant_step_count
    from {{ ref('dim_item_step') }}
    group by item_code, item_version
),

listed_materials as (
    select * from {{ ref('dim_item_material') }}
),

-- a material counts for the last day on which its version told, or for today
standing as (
    select
        listed_materials.*,
        coalesce(listed_materials.cancelled_on <= least(items.effective_to, {{ as_of() }}), false) as is_gone
    from listed_materials
    inner join items using (item_code, item_version)
),

materials as (
    select
        item_code,
        item_version,
        coalesce(sum(document_count) filter (where not is_gone), 0)::integer as document_count,
        coalesce(sum(page_count) filter (where not is_gone), 0)::integer as page_count,
        coalesce(sum(document_count) filter (where is_gone), 0)::integer as cancelled_count,
        max(cancelled_on) filter (where is_gone) as cancelled_on
    from standing
    group by item_code, item_version
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
    items.item_class,
    steps.listed_step_count,
    steps.applicant_step_count,
    materials.document_count,
    materials.page_count,
    nullif(concat_ws(
        '；',
        case when items.step_count != steps.listed_step_count
            then format('目录载明环节%s个，清单列%s个', items.step_count, steps.listed_step_count) end,
        case when items.material_count != materials.document_count
            then format('目录载明材料%s份，清单列%s份', items.material_count, materials.document_count)
                || case when materials.cancelled_count > 0
                    then format('（%s份已取消，最近一份自%s起）', materials.cancelled_count, materials.cancelled_on) else '' end
        end
    ), '') as list_remark,
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
left join steps
    on steps.item_code = items.item_code
    and steps.item_version = items.item_version
left join materials
    on materials.item_code = items.item_code
    and materials.item_version = items.item_version
