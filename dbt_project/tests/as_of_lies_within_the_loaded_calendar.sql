-- A day after the last loaded calendar year has no working-day number: times of open cases are unknown from there on.
{{ config(severity='warn') }}

select max(date_day) as last_loaded_day
from {{ ref('dim_calendar') }}
having max(date_day) < {{ as_of() }}
