with latest as (
    select * from {{ latest_landed(source('raw_fagai', 'projects'), 'id') }} as landed
),

-- the register keeps no date of termination: the first version that said 终止 tells it
terminations as (
    select
        id,
        min({{ to_timestamp('updated_at') }}) as terminated_at
    from {{ landed(source('raw_fagai', 'projects')) }} as landed
    where {{ clean_text('status') }} = '终止'
    group by id
),

flow_types as (
    select * from {{ ref('code_lists') }}
    where code_list = 'flow_type'
)

select
    'fagai' as source_department,
    latest.project_code as project_code_raw,
    {{ clean_text('latest.project_name') }} as project_name,
    {{ clean_text('latest.owner_name') }} as owner_name,
    {{ clean_text('latest.owner_credit_code') }} as owner_credit_code,
    flow_types.code as flow_type_code,
    case {{ clean_text('latest.invest_type') }} when '政府投资' then '1' when '企业投资' then '2' end as investment_source_code,
    {{ to_numeric('latest.total_investment_wan') }} as total_investment_wan,
    {{ clean_text('latest.region_code') }} as region_code,
    {{ clean_text('latest.street') }} as street,
    {{ to_timestamp('latest.registered_at') }} as registered_at,
    {{ to_timestamp('latest.established_at') }} as established_at,
    {{ to_boolean('latest.is_major') }} as is_major,
    {{ clean_text('latest.status') }} = '终止' as is_terminated,
    terminations.terminated_at,
    {{ clean_text('latest.status') }} = '竣工' as is_completed,
    latest._batch_id as batch_id,
    latest._row_number as row_number
from latest
left join terminations using (id)
left join flow_types on flow_types.name = {{ clean_text('latest.flow_type') }}
