with issues as (
    select * from {{ ref('issue_log') }}
),

rules as (
    select * from {{ ref('dim_issue_rule') }}
),

departments as (
    select * from {{ ref('int_departments') }}
)

select
    issues.department,
    coalesce(departments.department_name, '全区') as department_name,
    issues.rule,
    issues.rule_name,
    issues.severity,
    case issues.severity when 'fail' then '未计入' when 'warn' then '存疑' else '提示' end as severity_name,
    rules.meaning,
    rules.remedy,
    count(*) as issue_count,
    count(distinct issues.business_key) as subject_count,
    max(issues.as_of) as as_of
from issues
left join rules on rules.rule = issues.rule
left join departments on departments.department_id = issues.department
group by
    issues.department,
    departments.department_name,
    issues.rule,
    issues.rule_name,
    issues.severity,
    rules.meaning,
    rules.remedy
