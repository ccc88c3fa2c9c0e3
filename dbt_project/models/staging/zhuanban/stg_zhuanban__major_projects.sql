with latest as (
    select * from {{ latest_landed(source('raw_zhuanban', 'major_project'), 'entry_no') }} as landed
)

select
    'zhuanban' as source_department,
    {{ clean_text('entry_no') }} as entry_code,
    {{ to_integer('list_year') }} as list_year,
    project_code as project_code_raw,
    {{ clean_text('project_name') }} as project_name,
    {{ clean_text('level') }} as level_name,
    {{ to_numeric('total_investment_wan') }} as total_investment_wan,
    {{ clean_text('lead_post') }} as lead_post,
    {{ clean_text('chief_code') }} as chief_code,
    {{ clean_text('specialist_code') }} as specialist_code,
    {{ to_boolean('is_new_start') }} as is_new_start,
    {{ to_date('planned_start_date') }} as planned_start_date,
    {{ to_timestamp('listed_at') }} as listed_at,
    {{ to_timestamp('delisted_at') }} as delisted_at,
    _batch_id as batch_id,
    _row_number as row_number
from latest
