with latest as (
    select * from {{ latest_landed(source('raw_zhuanban', 'project_plan'), 'project_code, item_code') }} as landed
)

select
    'zhuanban' as source_department,
    project_code as project_code_raw,
    {{ clean_text('item_code') }} as item_code,
    {{ to_date('planned_start') }} as planned_start_date,
    {{ to_date('planned_end') }} as planned_end_date,
    {{ clean_text('predecessors') }} as predecessor_item_codes,
    _batch_id as batch_id,
    _row_number as row_number
from latest
