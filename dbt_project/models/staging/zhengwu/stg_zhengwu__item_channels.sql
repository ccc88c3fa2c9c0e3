with latest as (
    select * from {{ latest_landed(source('raw_zhengwu', 'item_channel'), 'item_code, since') }} as landed
)

select
    'zhengwu' as source_department,
    {{ clean_text('item_code') }} as item_code,
    {{ clean_text('depth') }} as online_depth,
    {{ to_boolean('cross_province') }} as is_cross_province,
    {{ to_date('since') }} as since,
    _batch_id as batch_id,
    _row_number as row_number
from latest
