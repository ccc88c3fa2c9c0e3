with latest as (
    select * from {{ latest_landed(source('raw_zhengwu', 'package'), 'package_no') }} as landed
)

select
    'zhengwu' as source_department,
    {{ clean_text('package_no') }} as package_code,
    {{ clean_text('package_name') }} as package_name,
    {{ clean_text('audience') }} as audience_name,
    {{ to_integer('materials') }} as document_count,
    {{ to_integer('pages') }} as page_count,
    {{ to_integer('visits') }} as visit_count,
    {{ to_date('effective_from') }} as valid_from,
    {{ to_date('effective_to') }} as valid_to,
    _batch_id as batch_id,
    _row_number as row_number
from latest
