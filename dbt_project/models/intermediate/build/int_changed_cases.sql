with build as (
    select * from {{ ref('int_build') }}
)

select null::text as case_id
from build
where false
