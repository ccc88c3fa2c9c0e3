with latest as (
    select * from {{ latest_landed(source('raw_zhengwu', 'item_material'), 'item_code, version, material_no') }} as landed
)

select
    'zhengwu' as source_department,
    {{ clean_text('item_code') }} as item_code,
    {{ clean_text('version') }} as item_version,
    {{ to_integer('material_no') }} as material_number,
    {{ clean_text('material_name') }} as material_name,
    {{ to_integer('documents') }} as document_count,
    {{ to_integer('pages') }} as page_count,
    {{ to_date('cancelled_on') }} as cancelled_on,
    _batch_id as batch_id,
    _row_number as row_number
from latest
