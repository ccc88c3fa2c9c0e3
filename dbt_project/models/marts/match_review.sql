with candidates as (
    select * from {{ ref('int_match_candidates') }}
),

cases as (
    select * from {{ ref('int_cases') }}
    where project_code is null
),

projects as (
    select * from {{ ref('int_projects') }}
),

ranked as (
    select
        candidates.*,
        row_number() over (
            partition by case_id
            order by reason_count desc, name_similarity desc nulls last, project_code
        )::integer as candidate_rank
    from candidates
)

select
    cases.case_id || '|' || coalesce(ranked.project_code, '') as review_id,
    cases.case_id,
    cases.source_department,
    cases.department_id,
    cases.unmatched_reason,
    cases.given_project_code,
    cases.given_works_code,
    {{ mask_text('cases.given_project_name') }} as given_project_name,
    {{ mask_name('cases.applicant_name', 'cases.applicant_credit_code') }} as applicant_name,
    ranked.candidate_rank,
    ranked.project_code as candidate_project_code,
    {{ mask_project_name('projects.project_name', 'projects.is_household_pv') }} as candidate_project_name,
    {{ mask_name('projects.owner_name', 'projects.owner_credit_code') }} as candidate_owner_name,
    ranked.name_similarity,
    ranked.reasons,
    cases.batch_id,
    {{ as_of() }} as as_of
from cases
left join ranked
    on ranked.case_id = cases.case_id
    and ranked.candidate_rank <= 5
left join projects on projects.project_code = ranked.project_code
