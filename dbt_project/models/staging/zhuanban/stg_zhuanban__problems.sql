with latest as (
    select * from {{ latest_landed(source('raw_zhuanban', 'problem'), 'problem_no') }} as landed
)

select
    'zhuanban' as source_department,
    {{ clean_text('problem_no') }} as problem_code,
    project_code as project_code_raw,
    {{ clean_text('title') }} as title,
    {{ clean_text('source') }} as source_name,
    {{ clean_text('kind') }} as kind_name,
    {{ clean_text('owner_unit') }} as owner_unit_name,
    {{ to_timestamp('reported_at') }} as reported_at,
    {{ to_timestamp('feedback_at') }} as feedback_at,
    {{ to_timestamp('path_at') }} as path_at,
    {{ to_timestamp('progress_at') }} as progress_at,
    {{ to_timestamp('solved_at') }} as solved_at,
    {{ to_timestamp('reopened_at') }} as reopened_at,
    _batch_id as batch_id,
    _row_number as row_number
from latest
