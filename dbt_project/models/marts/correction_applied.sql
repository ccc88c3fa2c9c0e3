with outcomes as (
    select * from {{ ref('int_correction_outcomes') }}
    where is_applied
)

select
    correction_id,
    entity,
    key,
    field,
    old_value,
    new_value,
    not is_standing as is_corrected_again,
    reason,
    editor,
    edited_date,
    batch_id,
    row_number,
    {{ as_of() }} as as_of
from outcomes
