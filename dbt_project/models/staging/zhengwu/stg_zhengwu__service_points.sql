with latest as (
    select * from {{ latest_landed(source('raw_zhengwu', 'service_point'), 'point_no') }} as landed
)

select
    'zhengwu' as source_department,
    {{ clean_text('point_no') }} as point_code,
    {{ clean_text('kind') }} as kind_name,
    {{ clean_text('name') }} as point_name,
    {{ clean_text('street') }} as street,
    {{ to_boolean('is_standard') }} as is_standard,
    {{ to_date('opened_on') }} as opened_on,
    {{ to_date('closed_on') }} as closed_on,
    _batch_id as batch_id,
    _row_number as row_number
from latest
