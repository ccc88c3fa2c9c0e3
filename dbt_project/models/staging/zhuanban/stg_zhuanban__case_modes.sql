with latest as (
    select * from {{ latest_landed(source('raw_zhuanban', 'case_mode'), 'case_dept, case_no, mode_name') }} as landed
)

select
    'zhuanban' as ledger_department,
    {{ clean_text('case_dept') }} as source_department,
    {{ clean_text('case_no') }} as instance_code,
    {{ clean_text('mode_name') }} as mode_name,
    {{ to_date('due_on') }} as due_on,
    {{ to_date('done_on') }} as done_on,
    {{ clean_text('result') }} as result_name,
    _batch_id as batch_id,
    _row_number as row_number
from latest
