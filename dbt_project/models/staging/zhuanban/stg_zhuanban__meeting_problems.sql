with latest as (
    select * from {{ latest_landed(source('raw_zhuanban', 'meeting_problem'), 'meeting_no, problem_no') }} as landed
)

select
    'zhuanban' as source_department,
    {{ clean_text('meeting_no') }} as meeting_code,
    {{ clean_text('problem_no') }} as problem_code,
    _batch_id as batch_id,
    _row_number as row_number
from latest
