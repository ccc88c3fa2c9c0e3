-- The steps of a critical path touch each other, begin at the first acceptance of the 工程 and sum to its span.
with paths as (
    select * from {{ ref('int_critical_path') }}
),

steps as (
    select * from {{ ref('int_works_steps') }}
),

calendar as (
    select * from {{ ref('int_calendar') }}
),

linked as (
    select
        paths.*,
        lag(ended_date) over (partition by works_code order by path_number) as previous_ended_date
    from paths
),

summed as (
    select
        works_code,
        sum(working_days) as working_days,
        min(started_date) as started_date,
        max(ended_date) as ended_date,
        bool_or(previous_ended_date != started_date) as has_hole
    from linked
    group by works_code
),

first_acceptances as (
    select
        works_code,
        min(start_date) as accepted_date
    from steps
    group by works_code
)

select summed.*
from summed
inner join first_acceptances using (works_code)
inner join calendar as first_day on first_day.date_day = summed.started_date
inner join calendar as last_day on last_day.date_day = summed.ended_date
where summed.has_hole
    or summed.started_date != first_acceptances.accepted_date
    or summed.working_days != last_day.working_day_number - first_day.working_day_number
