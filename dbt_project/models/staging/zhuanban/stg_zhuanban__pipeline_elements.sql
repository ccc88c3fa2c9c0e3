with latest as (
    select * from {{ latest_landed(source('raw_zhuanban', 'pipeline_element'), 'pipeline_no, element') }} as landed
)

select
    'zhuanban' as source_department,
    {{ clean_text('pipeline_no') }} as pipeline_code,
    {{ clean_text('element') }} as element_name,
    {{ to_date('needed_by') }} as needed_by_date,
    {{ to_date('matched_at') }} as matched_date,
    _batch_id as batch_id,
    _row_number as row_number
from latest
