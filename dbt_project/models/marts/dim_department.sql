with departments as (
    select * from {{ ref('int_departments') }}
)

select
    department_id,
    department_name,
    short_name,
    source_kind,
    is_example
from departments
