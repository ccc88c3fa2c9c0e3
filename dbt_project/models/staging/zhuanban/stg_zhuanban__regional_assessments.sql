with latest as (
    select * from {{ latest_landed(source('raw_zhuanban', 'regional_assessment'), 'assessment_no') }} as landed
)

select
    'zhuanban' as source_department,
    {{ clean_text('assessment_no') }} as assessment_code,
    {{ clean_text('zone_name') }} as zone_name,
    {{ clean_text('category') }} as category_name,
    {{ to_date('finished_on') }} as finished_on,
    {{ to_integer('reuse_count') }} as reuse_count,
    _batch_id as batch_id,
    _row_number as row_number
from latest
