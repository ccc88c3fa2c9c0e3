with build as (
    select * from {{ ref('int_build') }}
)

select null::text as project_code
from build
where false
