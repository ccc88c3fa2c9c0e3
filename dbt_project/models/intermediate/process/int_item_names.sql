{{ config(materialized='view') }}

with items as (
    select * from {{ ref('int_items') }}
)

select distinct on (item_code)
    item_code,
    item_name
from items
order by item_code, effective_from desc, item_version desc
