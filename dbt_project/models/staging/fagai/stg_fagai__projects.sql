with versions as (
    select * from {{ landed(source('raw_fagai', 'projects')) }} as landed
),

-- the register keeps no date of termination: the first version that said 终止 tells it
terminations as (
    select
        id,
        min({{ to_timestamp('updated_at') }}) as terminated_at
    from versions
    where {{ clean_text('status') }} = '终止'
    group by id
),

flow_types as (
    select * from {{ ref('code_lists') }}
    where code_list = 'flow_type'
)

select
    'fagai' as source_department,
    versions.id as registration_code,
    versions.project_code as project_code_raw,
    {{ clean_text('versions.project_name') }} as project_name,
    {{ clean_text('versions.owner_name') }} as owner_name,
    {{ clean_text('versions.owner_credit_code') }} as owner_credit_code,
    flow_types.code as flow_type_code,
    case {{ clean_text('versions.invest_type') }} when '政府投资' then '1' when '企业投资' then '2' end as investment_source_code,
    {{ to_numeric('versions.total_investment_wan') }} as total_investment_wan,
    {{ clean_text('versions.region_code') }} as region_code,
    {{ clean_text('versions.street') }} as street,
    {{ to_timestamp('versions.registered_at') }} as registered_at,
    {{ to_timestamp('versions.established_at') }} as established_at,
    {{ to_boolean('versions.is_major') }} as is_major,
    {{ clean_text('versions.status') }} = '终止' as is_terminated,
    terminations.terminated_at,
    {{ clean_text('versions.status') }} = '竣工' as is_completed,
    versions._batch_id as batch_id,
    versions._row_number as row_number
from versions
left join terminations using (id)
left join flow_types on flow_types.name = {{ clean_text('versions.flow_type') }}
