with outcomes as (
    select * from {{ ref('int_correction_outcomes') }}
    where not is_applied
)

select
    correction_id,
    entity,
    key,
    field,
    old_value,
    new_value,
    not_applied_reason,
    found_value,
    reason,
    editor,
    edited_date,
    batch_id,
    row_number,
    {{ as_of() }} as as_of
from outcomes
