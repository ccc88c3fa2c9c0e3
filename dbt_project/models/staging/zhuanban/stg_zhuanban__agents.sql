with latest as (
    select * from {{ latest_landed(source('raw_zhuanban', 'agent'), 'agent_code') }} as landed
)

select
    'zhuanban' as source_department,
    {{ clean_text('agent_code') }} as agent_code,
    {{ clean_text('unit') }} as unit_name,
    {{ clean_text('role') }} as role_name,
    {{ to_date('joined_at') }} as joined_date,
    {{ to_date('left_at') }} as left_date,
    _batch_id as batch_id,
    _row_number as row_number
from latest
