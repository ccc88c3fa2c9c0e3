{{ config(indexes=[{'columns': ['project_code'], 'unique': true}]) }}

with cases as (
    select * from {{ ref('fct_item_instance') }}
),

milestone_items as (
    select * from {{ ref('milestone_items') }}
),

works as (
    select * from {{ ref('int_works') }}
),

passed as (
    select
        cases.project_code,
        cases.works_code,
        cases.decided_date,
        milestone_items.milestone
    from cases
    inner join milestone_items using (item_name)
    where cases.outcome = 'passed' and cases.project_code is not null
),

works_counts as (
    select
        project_code,
        count(*) as works_count
    from works
    group by project_code
),

dated as (
    select
        project_code,
        min(decided_date) filter (where milestone = 'land_use_permit') as land_use_permit_date,
        min(decided_date) filter (where milestone = 'planning_permit') as planning_permit_date,
        min(decided_date) filter (where milestone = 'construction_permit') as construction_permit_date,
        max(decided_date) filter (where milestone = 'completion') as last_completion_date,
        count(distinct works_code) filter (where milestone = 'completion') as completed_works_count
    from passed
    group by project_code
)

select
    dated.project_code,
    dated.land_use_permit_date,
    dated.planning_permit_date,
    dated.construction_permit_date,
    -- a project is complete when the last of its 工程 is
    case when dated.completed_works_count >= coalesce(works_counts.works_count, 1) then dated.last_completion_date end
        as completion_date
from dated
left join works_counts using (project_code)
