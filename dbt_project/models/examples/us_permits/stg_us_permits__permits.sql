with landed_permits as (

    select * from {{ landed(source('us_permits', 'permits')) }}

),

-- A correction of the publisher lands as a further row of the same permit: the last one in source order holds.
latest as (

    select distinct on (city, permit_id) *
    from landed_permits
    order by city, permit_id, _batch_id desc, _row_number desc

)

select
    city,
    permit_id,
    project as project_kind,
    nullif(review_track, '') as review_track,
    nullif(permit_type_group, '') as permit_type_group,
    applied_year::integer as applied_year,
    nullif(days_to_issue, '')::integer as days_to_issue,
    in_mature_cohort = 'yes' as is_in_mature_cohort,
    applied_date::date as applied_date,
    nullif(issued_date, '')::date as issued_date,
    _batch_id as batch_id,
    _row_number as row_number
from latest
