with calendar as (
    select * from {{ ref('int_calendar') }}
),

batches as (
    select * from {{ source('build', 'build_batch') }}
)

select
    {{ as_of() }} as as_of,
    (select max(batch_id) from batches) as batch_until,
    {{ rule_version() }}::text as rule_version,
    max(calendar_version) as calendar_version,
    max(date_day) as calendar_ends_on
from calendar
