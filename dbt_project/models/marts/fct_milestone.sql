{{ config(materialized='view') }}

with milestones as (
    select * from {{ ref('int_milestones') }}
),

kinds as (
    select * from {{ ref('milestones') }}
),

instances as (
    select * from {{ ref('int_item_instances') }}
),

projects as (
    select * from {{ ref('int_project_lifecycles') }}
),

stamp as (
    select * from {{ stamp_of('int_milestones') }} as stamp
)

select
    projects.project_code,
    milestones.works_code,
    milestones.works_code = milestones.project_code as is_project_wide,
    milestones.milestone,
    kinds.milestone_number,
    kinds.milestone_name,
    kinds.stage_number,
    milestones.milestone_date is not null as is_reached,
    milestones.milestone_date,
    milestones.planned_date,
    milestones.evidence,
    milestones.case_id,
    instances.item_name,
    milestones.document_number,
    stamp.as_of,
    stamp.calendar_version,
    stamp.rule_version
from milestones
cross join stamp
inner join kinds using (milestone)
-- a project that did not exist yet on that day has plans, but no row to stand beside
inner join projects using (project_code)
left join instances using (case_id)
