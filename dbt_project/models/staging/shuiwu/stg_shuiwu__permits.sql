with latest as (
    select * from {{ latest_landed(source('raw_shuiwu', 'permits'), 'permit_id') }} as landed
)

select
    {{ clean_text('permit_id') }} as instance_code,
    {{ clean_text('matter_code') }} as item_code,
    {{ clean_text('matter') }} as item_name,
    project_no as project_code_raw,
    works_no as works_code_raw,
    {{ clean_text('project_title') }} as project_name,
    {{ clean_text('applicant') }} as applicant_name,
    {{ to_integer('limit_days') }} as promised_limit,
    {{ json_list('log') }} as log,
    {{ clean_text('licence_no') }} as certificate_number,
    _batch_id as batch_id,
    _row_number as row_number
from latest
