with latest as (
    select * from {{ latest_landed(source('raw_zhengwu', 'agent_order'), 'id') }} as landed
)

select
    id as agent_order_id,
    {{ canonical_code('project_code') }} as project_code,
    {{ clean_text('category') }} as category,
    {{ clean_text('agency_name') }} as agency_name,
    {{ clean_text('agency_credit_code') }} as agency_credit_code,
    {{ clean_text('commissioned_by') }} as commissioned_by,
    {{ to_timestamp('ordered_at') }} as ordered_at,
    {{ to_timestamp('delivered_at') }} as delivered_at,
    {{ to_numeric('price_yuan') }} as price_yuan,
    _batch_id as batch_id,
    _row_number as row_number
from latest
