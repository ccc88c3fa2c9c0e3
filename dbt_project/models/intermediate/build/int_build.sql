with calendar as (
    select * from {{ ref('int_calendar') }}
)

select
    {{ as_of() }} as as_of,
    {{ 'null' if var('batch_until') is none else var('batch_until') | int }}::bigint as batch_until,
    {{ rule_version() }}::text as rule_version,
    max(calendar_version) as calendar_version,
    max(date_day) as calendar_ends_on
from calendar
