{{ config(
    materialized='incremental',
    incremental_strategy='replace_changed',
    unique_key='project_code',
    indexes=[{'columns': ['works_code', 'milestone'], 'unique': true}, {'columns': ['project_code']}]
) }}

{#- The first time each thing happened: a permit that is granted again, changed or renewed has its date already. -#}

-- read in place: named twice, all their columns would be written aside
with cases as not materialized (
    select * from {{ ref('int_item_instances') }}
    where project_code is not null and {{ only_changed('project_code') }}
),

milestone_items as (
    select * from {{ ref('int_milestone_items') }}
),

projects as (
    select * from {{ ref('int_projects') }}
    where {{ only_changed('project_code') }}
),

-- a permit that was issued is there, though nobody sent its case (体外循环) or its finish
unfinished_permits as (
    select project_code, works_code, item_name, issued_date, document_number, case_id
    from {{ ref('int_case_permits') }}
    where has_case and outcome = 'open' and not is_no_permit and {{ only_changed('project_code') }}
    union all
    select project_code, works_code, item_name, issued_date, document_number, null
    from {{ ref('int_loose_permits') }}
    where case_id is null and not is_no_permit and {{ only_changed('project_code') }}
),

works as (
    select * from {{ ref('int_works') }}
    where {{ only_changed('project_code') }}
),

-- the acceptance items of one joint application, once the last of them is granted; a filing is no inspection
joint_acceptances as (
    select
        cases.project_code,
        cases.works_code,
        cases.parallel_group_code,
        max(cases.decided_date) as decided_date,
        (array_agg(cases.case_id order by cases.decided_date desc, cases.case_id))[1] as case_id
    from cases
    inner join milestone_items using (item_name)
    where milestone_items.milestone in ('planning_verification', 'fire_acceptance', 'civil_defence_acceptance')
        and cases.parallel_group_code is not null
    group by cases.project_code, cases.works_code, cases.parallel_group_code
    having count(distinct milestone_items.milestone) > 1 and bool_and(cases.outcome = 'passed')
),

evidence as (
    select
        cases.project_code,
        cases.works_code,
        milestone_items.milestone,
        cases.decided_date as milestone_date,
        'case' as evidence,
        cases.case_id,
        cases.certificate_number as document_number
    from cases
    inner join milestone_items using (item_name)
    where cases.outcome = 'passed'
    union all
    select project_code, works_code, 'joint_acceptance', decided_date, 'case', case_id, null
    from joint_acceptances
    union all
    select project_code, project_code, 'registered', registered_at::date, 'register', null, null
    from projects
    union all
    select project_code, project_code, 'established', established_at::date, 'register', null, null
    from projects
    union all
    select
        unfinished_permits.project_code,
        coalesce(unfinished_permits.works_code, unfinished_permits.project_code),
        milestone_items.milestone,
        unfinished_permits.issued_date,
        'document',
        unfinished_permits.case_id,
        unfinished_permits.document_number
    from unfinished_permits
    inner join milestone_items using (item_name)
    where unfinished_permits.project_code is not null
),

first_evidence as (
    select distinct on (works_code, milestone) evidence.*
    from evidence
    -- 1970-01-01 and the like stand for a date that is not known
    where milestone_date between date '2000-01-01' and {{ as_of() }}
    order by works_code, milestone, milestone_date, evidence, case_id, document_number
),

plans as (
    select project_code, works_code, 'construction_start' as milestone, planned_start_date as planned_date
    from works
    where planned_start_date >= date '2000-01-01'
    union all
    select project_code, works_code, 'completion', planned_completion_date
    from works
    where planned_completion_date >= date '2000-01-01'
)

select
    coalesce(first_evidence.project_code, plans.project_code) as project_code,
    works_code,
    milestone,
    first_evidence.milestone_date,
    plans.planned_date,
    first_evidence.evidence,
    first_evidence.case_id,
    first_evidence.document_number
from first_evidence
full join plans using (works_code, milestone)
-- a plan for a 工程 whose project nobody registered has no row to stand in
where coalesce(first_evidence.project_code, plans.project_code) in (select project_code from {{ ref('int_projects') }})
