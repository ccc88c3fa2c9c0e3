with calendar as (
    select * from {{ ref('int_calendar') }}
),

landed as (
    select * from {{ source('landing', 'batch') }}
),

read_batches as (
    select * from {{ source('build', 'build_batch') }}
),

batches as (
    select landed.*
    from landed
    inner join read_batches using (batch_id)
)

select
    {{ as_of() }} as as_of,
    (select max(release_number) from batches) as batch_until,
    {{ rule_version() }}::text as rule_version,
    max(calendar_version) as calendar_version,
    max(date_day) as calendar_ends_on
from calendar
