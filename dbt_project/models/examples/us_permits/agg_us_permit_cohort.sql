with permits as (

    select * from {{ ref('fct_us_permit') }}

),

cohorts as (

    select
        city,
        applied_year,
        count(*) as submitted_count,
        count(*) filter (where is_issued) as issued_count,
        round(count(*) filter (where is_issued)::numeric / count(*), 3) as resolved_share
    from permits
    where applied_year >= 2015
    group by city, applied_year

),

-- The publisher's floor: three quarters of a year's applications must have an outcome before the year may speak.
publishable as (

    select
        *,
        issued_count >= 0.75 * submitted_count as is_publishable
    from cohorts

)

select
    city,
    applied_year,
    submitted_count,
    issued_count,
    resolved_share,
    is_publishable,
    is_publishable
    and row_number() over (partition by city, is_publishable order by applied_year desc) <= 4 as is_mature
from publishable
