with landed as (
    select * from {{ landed(source('landing', 'correction')) }} as landed_rows
)

select
    _batch_id || '-' || _row_number as correction_id,
    entity,
    key,
    field,
    old_value,
    new_value,
    reason,
    editor,
    edited_on::date as edited_date,
    _batch_id as batch_id,
    _row_number as row_number
from landed
