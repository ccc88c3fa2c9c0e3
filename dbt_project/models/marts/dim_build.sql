with builds as (
    select * from {{ ref('int_build') }}
),

record_span as (
    select * from {{ ref('int_record_span') }}
)

select
    builds.as_of,
    builds.batch_until as release_number,
    builds.calendar_version,
    builds.calendar_ends_on,
    builds.rule_version,
    record_span.first_month as records_from
from builds
cross join record_span
