with latest as (
    select * from {{ latest_landed(source('raw_zhengwu', 'item_step'), 'item_code, version, step_no') }} as landed
)

select
    'zhengwu' as source_department,
    {{ clean_text('item_code') }} as item_code,
    {{ clean_text('version') }} as item_version,
    {{ to_integer('step_no') }} as step_number,
    {{ clean_text('step_name') }} as step_name,
    {{ clean_text('actor') }} as actor_name,
    {{ to_boolean('applicant_present') }} as is_met_by_applicant,
    _batch_id as batch_id,
    _row_number as row_number
from latest
