with latest as (
    select * from {{ latest_landed(source('raw_zhengwu', 'package_item'), 'package_no, item_code') }} as landed
)

select
    'zhengwu' as source_department,
    {{ clean_text('package_no') }} as package_code,
    {{ clean_text('item_code') }} as item_code,
    _batch_id as batch_id,
    _row_number as row_number
from latest
