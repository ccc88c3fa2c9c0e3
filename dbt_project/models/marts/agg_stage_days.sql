with stages as (
    select * from {{ ref('fct_stage') }}
    where is_finished
)

select
    finished_month as month,
    stage_number,
    coalesce(stage_name, '未标明') as stage_name,
    coalesce(flow_type_name, '未标明') as flow_type_name,
    union_active_days,
    count(*) as stage_count,
    max(as_of) as as_of,
    max(calendar_version) as calendar_version,
    max(rule_version) as rule_version
from stages
where union_active_days is not null
group by finished_month, stage_number, stage_name, flow_type_name, union_active_days
