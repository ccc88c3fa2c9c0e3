with calendar as (
    select * from {{ ref('int_calendar') }}
),

cases as (
    select * from {{ ref('fct_item_instance') }}
)

select
    decided_month as month,
    coalesce(department_name, '未标明') as department_name,
    coalesce(stage_name, '未标明') as stage_name,
    coalesce(flow_type_name, '未标明') as flow_type_name,
    elapsed_working_days,
    count(*) as case_count,
    {{ as_of() }} as as_of,
    {{ stamps() }}
from cases
where is_decided and elapsed_working_days is not null
group by decided_month, department_name, stage_name, flow_type_name, elapsed_working_days
