with latest as (
    select * from {{ latest_landed(source('raw_zhuanban', 'reform_document'), 'document_no') }} as landed
)

select
    'zhuanban' as source_department,
    {{ clean_text('document_no') }} as document_number,
    {{ clean_text('title') }} as title,
    {{ clean_text('unit') }} as unit_name,
    {{ to_date('signed_on') }} as signed_on,
    {{ to_date('published_on') }} as published_on,
    {{ to_integer('stated_measures') }} as stated_measure_count,
    {{ to_integer('stated_days_saved') }} as stated_days_saved,
    _batch_id as batch_id,
    _row_number as row_number
from latest
