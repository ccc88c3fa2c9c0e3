with builds as (
    select * from {{ ref('int_build') }}
)

select
    as_of,
    batch_until as release_number,
    calendar_version,
    calendar_ends_on,
    rule_version
from builds
