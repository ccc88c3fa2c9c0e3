with latest as (
    select * from {{ latest_landed(source('raw_zhuanban', 'assessment_appeal'), 'appeal_no') }} as landed
)

select
    'zhuanban' as source_department,
    {{ clean_text('appeal_no') }} as appeal_code,
    {{ clean_text('dept_name') }} as department_name,
    case {{ clean_text('period_kind') }} when '月度' then 'month' when '双月' then 'two_months' when '季度' then 'quarter' end
        as period_grain,
    {{ to_date('period_from') }} as period_start,
    {{ clean_text('indicator') }} as indicator_name,
    {{ to_timestamp('filed_at') }} as filed_at,
    {{ to_timestamp('decided_at') }} as decided_at,
    {{ clean_text('result') }} as result_name,
    _batch_id as batch_id,
    _row_number as row_number
from latest
