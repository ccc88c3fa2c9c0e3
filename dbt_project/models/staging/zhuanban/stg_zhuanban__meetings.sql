with latest as (
    select * from {{ latest_landed(source('raw_zhuanban', 'meeting'), 'meeting_no') }} as landed
)

select
    'zhuanban' as source_department,
    {{ clean_text('meeting_no') }} as meeting_code,
    {{ clean_text('title') }} as title,
    {{ clean_text('chair_unit') }} as chair_unit_name,
    {{ to_timestamp('held_at') }} as held_at,
    _batch_id as batch_id,
    _row_number as row_number
from latest
