with outcomes as (
    select * from {{ ref('int_correction_outcomes') }}
    where not is_applied
)

select
    correction_id,
    entity,
    key,
    field,
    {{ mask_correction('field', 'old_value') }} as old_value,
    {{ mask_correction('field', 'new_value') }} as new_value,
    not_applied_reason,
    {{ mask_correction('field', 'found_value') }} as found_value,
    reason,
    editor,
    edited_date,
    batch_id,
    row_number,
    {{ as_of() }} as as_of
from outcomes
