with permits as (

    select * from {{ ref('stg_us_permits__permits') }}

)

select
    city,
    permit_id,
    project_kind,
    review_track,
    permit_type_group,
    applied_year,
    days_to_issue,
    issued_date is not null as is_issued,
    is_in_mature_cohort,
    applied_date,
    issued_date
from permits
