with matches as (
    select * from {{ ref('fct_case_match') }}
),

departments as (
    select * from {{ ref('int_departments') }}
)

select
    matches.source_department,
    departments.department_name as source_department_name,
    coalesce(matches.match_tier, '未匹配') as match_tier,
    matches.unmatched_reason,
    count(*) as case_count,
    {{ as_of() }} as as_of
from matches
left join departments on departments.department_id = matches.source_department
group by matches.source_department, departments.department_name, matches.match_tier, matches.unmatched_reason
