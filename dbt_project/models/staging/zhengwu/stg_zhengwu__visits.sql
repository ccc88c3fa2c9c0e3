with latest as (
    select * from {{ latest_landed(source('raw_zhengwu', 'visit'), 'id') }} as landed
)

select
    'zhengwu' as source_department,
    id as visit_code,
    {{ clean_text('case_no') }} as instance_code,
    project_code as project_code_raw,
    {{ clean_text('dept_name') }} as department_name,
    {{ clean_text('window_no') }} as window_number,
    {{ clean_text('purpose') }} as purpose,
    {{ to_timestamp('visited_at') }} as visited_at,
    _batch_id as batch_id,
    _row_number as row_number
from latest
