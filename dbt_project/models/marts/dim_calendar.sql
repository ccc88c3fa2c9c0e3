{{ config(
    indexes=[{'columns': ['date_day'], 'unique': true}],
    grants={'+select': ['yidang_messenger']}
) }}

with calendar as (
    select * from {{ ref('int_calendar') }}
)

select
    date_day,
    is_working_day,
    working_day_number,
    day_kind,
    holiday_name,
    calendar_version,
    notice,
    notice_valid_from,
    is_district_rule
from calendar
