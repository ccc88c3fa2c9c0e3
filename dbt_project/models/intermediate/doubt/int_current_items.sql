{{ config(indexes=[{'columns': ['item_code'], 'unique': true}]) }}

with items as (
    select * from {{ ref('int_items') }}
)

-- the version in force, or the newest of those that are not
select distinct on (item_code)
    item_code,
    item_name,
    department_id,
    responsible_department_name as department_name,
    stage_number
from items
order by item_code, {{ as_of() }} between effective_from and effective_to desc, effective_from desc, length(item_version) desc, item_version desc
