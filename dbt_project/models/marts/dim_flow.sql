with flows as (
    select * from {{ ref('int_flows') }}
),

code_lists as (
    select * from {{ ref('code_lists') }}
)

select
    flows.flow_code,
    flows.flow_version,
    flows.flow_name,
    flows.flow_type_code as flow_type,
    flow_types.name as flow_type_name,
    flows.valid_from,
    nullif(flows.effective_to, date '9999-12-31') as valid_to,
    {{ as_of() }} between flows.effective_from and flows.effective_to as is_current
from flows
left join code_lists as flow_types
    on flow_types.code_list = 'flow_type'
    and flow_types.code = flows.flow_type_code
