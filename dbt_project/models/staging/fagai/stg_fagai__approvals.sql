with latest as (
    select * from {{ latest_landed(source('raw_fagai', 'approvals'), 'id') }} as landed
)

select
    {{ clean_text('case_no') }} as instance_code,
    {{ clean_text('item_code') }} as item_code,
    {{ clean_text('item_name') }} as item_name,
    project_code as project_code_raw,
    {{ clean_text('project_name') }} as project_name,
    {{ to_timestamp('received_at') }} as received_at,
    {{ to_timestamp('accepted_at') }} as accepted_at,
    {{ json_list('corrections') }} as corrections,
    {{ json_list('reviews') }} as reviews,
    {{ to_timestamp('decided_at') }} as decided_at,
    {{ clean_text('result') }} as result,
    {{ to_integer('promised_days') }} as promised_limit,
    {{ clean_text('document_no') }} as certificate_number,
    {{ to_timestamp('entered_at') }} as recorded_at,
    _batch_id as batch_id,
    _row_number as row_number
from latest
