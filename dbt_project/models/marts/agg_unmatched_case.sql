with reviews as (
    select * from {{ ref('match_review') }}
),

departments as (
    select * from {{ ref('int_departments') }}
)

select
    reviews.source_department,
    departments.department_name as source_department_name,
    reviews.unmatched_reason,
    count(distinct reviews.case_id)::integer as case_count,
    (count(distinct reviews.case_id) filter (where reviews.candidate_project_code is not null))::integer as case_with_candidate_count,
    {{ as_of() }} as as_of
from reviews
left join departments on departments.department_id = reviews.source_department
group by reviews.source_department, departments.department_name, reviews.unmatched_reason
