with latest as (
    select * from {{ latest_landed(source('raw_zhengwu', 'complaint'), 'complaint_no') }} as landed
)

select
    'zhengwu' as source_department,
    {{ clean_text('complaint_no') }} as complaint_code,
    project_code as project_code_raw,
    {{ clean_text('about_dept') }} as department_name,
    {{ clean_text('matter') }} as matter,
    {{ to_timestamp('received_at') }} as received_at,
    {{ to_timestamp('closed_at') }} as closed_at,
    {{ to_boolean('is_upheld') }} as is_upheld,
    _batch_id as batch_id,
    _row_number as row_number
from latest
