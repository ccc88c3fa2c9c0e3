with latest as (
    select * from {{ latest_landed(source('raw_zhengwu', 'service_item'), 'item_code, version') }} as landed
)

select
    'zhengwu' as source_department,
    {{ clean_text('item_code') }} as item_code,
    {{ clean_text('version') }} as item_version,
    {{ clean_text('item_name') }} as item_name,
    {{ clean_text('dept_name') }} as department_name,
    {{ clean_text('national_item_code') }} as national_item_code,
    {{ to_integer('stage_no') }} as stage_number,
    {{ to_integer('statutory_limit') }} as statutory_limit,
    {{ to_limit_unit('statutory_unit') }} as statutory_unit,
    {{ to_integer('promised_limit') }} as promised_limit,
    {{ to_limit_unit('promised_unit') }} as promised_unit,
    {{ to_integer('steps') }} as step_count,
    {{ to_integer('materials') }} as material_count,
    {{ to_integer('visits') }} as visit_count,
    {{ to_numeric('fee_yuan') }} as fee_yuan,
    {{ clean_text('item_kind') }} as item_kind,
    {{ clean_text('item_class') }} as item_class,
    {{ to_boolean('informed_commitment') }} as allows_commitment,
    {{ clean_text('prerequisite_codes') }} as prerequisite_item_codes,
    {{ to_date('effective_from') }} as valid_from,
    {{ to_date('effective_to') }} as valid_to,
    _batch_id as batch_id,
    _row_number as row_number
from latest
