with latest as (
    select * from {{ latest_landed(source('raw_zhengwu', 'question'), 'id') }} as landed
)

select
    'zhengwu' as source_department,
    id as question_code,
    project_code as project_code_raw,
    {{ clean_text('topic') }} as topic,
    {{ clean_text('channel') }} as channel_name,
    {{ clean_text('reply_dept') }} as department_name,
    {{ to_timestamp('asked_at') }} as asked_at,
    {{ to_timestamp('replied_at') }} as replied_at,
    _batch_id as batch_id,
    _row_number as row_number
from latest
