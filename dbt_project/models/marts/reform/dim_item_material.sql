with materials as (
    {{ feed_union('item_materials', [
        ['source_department', 'text'], ['item_code', 'text'], ['item_version', 'text'], ['material_number', 'integer'],
        ['material_name', 'text'], ['document_count', 'integer'], ['page_count', 'integer'], ['cancelled_on', 'date'],
        ['batch_id', 'bigint'], ['row_number', 'bigint']
    ]) }}
),

items as (
    select * from {{ ref('int_items') }}
),

build as (
    select * from {{ ref('int_build') }}
)

select
    materials.source_department,
    materials.item_code,
    materials.item_version,
    items.item_name,
    items.item_code is not null as is_known_item,
    materials.material_number,
    materials.material_name,
    materials.document_count,
    materials.page_count,
    {{ known_date('materials.cancelled_on') }} as cancelled_on,
    {{ known_date('materials.cancelled_on') }} is null as is_asked_for,
    materials.batch_id,
    materials.row_number,
    build.as_of,
    build.calendar_version,
    build.rule_version
from materials
cross join build
left join items using (item_code, item_version)
