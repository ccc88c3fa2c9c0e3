with latest as (
    select * from {{ latest_landed(source('raw_zhengwu', 'callback'), 'callback_no') }} as landed
)

select
    'zhengwu' as source_department,
    {{ clean_text('callback_no') }} as callback_code,
    {{ clean_text('case_no') }} as instance_code,
    project_code as project_code_raw,
    {{ clean_text('dept_name') }} as department_name,
    {{ to_timestamp('called_at') }} as called_at,
    {{ to_boolean('answered') }} as is_answered,
    {{ to_integer('grade') }} as grade,
    _batch_id as batch_id,
    _row_number as row_number
from latest
