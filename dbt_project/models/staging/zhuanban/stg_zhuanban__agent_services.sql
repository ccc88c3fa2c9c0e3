with latest as (
    select * from {{ latest_landed(source('raw_zhuanban', 'agent_service'), 'service_no') }} as landed
)

select
    'zhuanban' as source_department,
    {{ clean_text('service_no') }} as service_code,
    project_code as project_code_raw,
    {{ clean_text('agent_code') }} as agent_code,
    {{ clean_text('role') }} as role_name,
    {{ to_timestamp('assigned_at') }} as assigned_at,
    {{ to_timestamp('first_response_at') }} as first_response_at,
    {{ to_timestamp('ended_at') }} as ended_at,
    _batch_id as batch_id,
    _row_number as row_number
from latest
