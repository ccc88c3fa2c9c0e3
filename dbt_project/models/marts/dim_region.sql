with regions as (
    select * from {{ ref('regions') }}
),

current_regions as (
    select * from {{ ref('int_regions') }}
)

select
    regions.region_code,
    regions.region_name,
    regions.region_level,
    regions.parent_code,
    regions.valid_from as valid_from_date,
    regions.valid_to as valid_to_date,
    regions.successor_code,
    current_regions.current_region_code,
    coalesce({{ as_of() }} between coalesce(regions.valid_from, date '1900-01-01') and coalesce(regions.valid_to, date '9999-12-31'), false)
        as is_valid,
    regions.note,
    {{ as_of() }} as as_of
from regions
left join current_regions using (region_code)
