with latest as (
    select * from {{ latest_landed(source('raw_zhengwu', 'question'), 'id') }} as landed
)

select
    id as question_id,
    {{ to_timestamp('asked_at') }} as asked_at,
    {{ clean_text('channel') }} as channel_name,
    {{ canonical_code('project_code') }} as project_code,
    {{ clean_text('topic') }} as topic,
    {{ to_timestamp('replied_at') }} as replied_at,
    {{ clean_text('reply_dept') }} as department_name,
    _batch_id as batch_id,
    _row_number as row_number
from latest
