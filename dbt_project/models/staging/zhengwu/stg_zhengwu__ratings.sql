with latest as (
    select * from {{ latest_landed(source('raw_zhengwu', 'rating'), 'id') }} as landed
)

select
    'zhengwu' as source_department,
    id as rating_id,
    {{ clean_text('case_no') }} as instance_code,
    {{ clean_text('dept_name') }} as department_name,
    {{ to_timestamp('rated_at') }} as rated_at,
    {{ to_integer('grade') }} as grade,
    {{ to_boolean('is_default') }} as is_default,
    _batch_id as batch_id,
    _row_number as row_number
from latest
