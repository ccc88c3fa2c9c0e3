with recursive regions as (
    select * from {{ ref('regions') }}
),

-- follow the successors; a map that runs in a circle ends at the tenth
followed as (
    select
        region_code,
        region_code as current_region_code,
        0 as step_count
    from regions
    union all
    select
        followed.region_code,
        regions.successor_code as current_region_code,
        followed.step_count + 1 as step_count
    from followed
    inner join regions on regions.region_code = followed.current_region_code
    where regions.successor_code is not null
        and followed.step_count < 10
)

select distinct on (region_code)
    region_code,
    current_region_code
from followed
order by region_code, step_count desc
