with latest as (
    select * from {{ latest_landed(source('raw_zhuanban', 'pipeline_project'), 'pipeline_no') }} as landed
)

select
    'zhuanban' as source_department,
    {{ clean_text('pipeline_no') }} as pipeline_code,
    {{ to_integer('plan_year') }} as plan_year,
    {{ clean_text('task') }} as task_name,
    {{ clean_text('list_name') }} as list_name,
    {{ clean_text('project_name') }} as project_name,
    {{ clean_text('readiness') }} as readiness_name,
    {{ to_numeric('planned_investment_wan') }} as planned_investment_wan,
    project_code as project_code_raw,
    {{ to_date('tasked_at') }} as tasked_date,
    {{ to_date('listed_at') }} as listed_date,
    {{ to_date('decided_at') }} as decided_date,
    {{ to_date('dropped_at') }} as dropped_date,
    _batch_id as batch_id,
    _row_number as row_number
from latest
