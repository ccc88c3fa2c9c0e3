with latest as (
    select * from {{ latest_landed(source('raw_zhengwu', 'agent_order'), 'id') }} as landed
)

select
    'zhengwu' as source_department,
    id as agent_order_id,
    project_code as project_code_raw,
    null as works_code_raw,
    {{ clean_text('category') }} as category,
    {{ clean_text('agency_name') }} as agency_name,
    {{ clean_text('agency_credit_code') }} as agency_credit_code,
    case {{ clean_text('commissioned_by') }} when '政府' then '政府委托中介' when '建设单位' then '建设单位委托中介' end
        as responsible_party,
    {{ to_timestamp('ordered_at') }} as ordered_at,
    {{ to_timestamp('delivered_at') }} as delivered_at,
    {{ to_numeric('price_yuan') }} as price_yuan,
    _batch_id as batch_id,
    _row_number as row_number
from latest
