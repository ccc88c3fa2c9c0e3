with months as (
    select * from {{ ref('int_case_months') }}
)

-- dates before 2000 stand in for one that nobody knew
select min(month) as first_month
from months
where month >= date '2000-01-01'
