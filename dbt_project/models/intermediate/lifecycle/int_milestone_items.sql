{#- Item names that stand for a milestone: the seed's own, and what the catalogue calls the national items it names. -#}

with item_milestones as (
    select * from {{ ref('item_milestones') }}
),

items as (
    select * from {{ ref('int_items') }}
)

select
    milestone,
    item_name
from item_milestones
where item_name is not null
union
select
    item_milestones.milestone,
    items.item_name
from item_milestones
-- 2.0 has four digits; 3.0 appends three for the variant
inner join items on left(items.national_item_code, 4) = item_milestones.national_item_code
where items.item_name is not null
