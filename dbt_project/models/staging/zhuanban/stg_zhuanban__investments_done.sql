with latest as (
    select * from {{ latest_landed(source('raw_zhuanban', 'investment_done'), 'project_code, month') }} as landed
)

select
    'zhuanban' as source_department,
    project_code as project_code_raw,
    date_trunc('month', {{ to_timestamp('month') }})::date as month,
    {{ to_numeric('amount_wan') }} as amount_wan,
    _batch_id as batch_id,
    _row_number as row_number
from latest
