with latest as (
    select * from {{ latest_landed(source('raw_zhuanban', 'project_document'), 'document_no') }} as landed
)

select
    'zhuanban' as source_department,
    {{ clean_text('document_no') }} as document_code,
    project_code as project_code_raw,
    {{ clean_text('kind') }} as kind_name,
    {{ to_date('dated_on') }} as dated_on,
    _batch_id as batch_id,
    _row_number as row_number
from latest
