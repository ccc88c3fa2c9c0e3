{{ config(
    materialized='incremental',
    incremental_strategy='replace_changed',
    unique_key='project_code',
    indexes=[{'columns': ['works_code', 'rule'], 'unique': true}, {'columns': ['project_code']}]
) }}

{#-
  What a 工程 did, held against the version of the flow that was in force. Each rule yields checks; a check fails or not,
  and a failed one may be allowed (告知承诺, 容缺, 桩基先行, 分阶段). The order of required items is int_item_prerequisites'.
-#}

with works as (
    select * from {{ ref('int_works_lifecycles') }}
    where {{ only_changed('project_code') }}
),

stages as (
    select * from {{ ref('int_stages') }}
    where {{ only_changed('project_code') }}
),

steps as not materialized (
    select * from {{ ref('int_works_steps') }}
    where {{ only_changed('project_code') }}
),

cases as (
    select * from {{ ref('int_item_instances') }}
    where outcome = 'passed' and {{ only_changed('project_code') }}
),

item_prerequisites as (
    select * from {{ ref('int_item_prerequisites') }}
    where is_seen and {{ only_changed('project_code') }}
),

prerequisites as (
    select * from {{ ref('int_prerequisites') }}
),

flows as (
    select * from {{ ref('int_flows') }}
),

flow_stages as (
    select * from {{ ref('int_flow_stages') }}
),

flow_items as (
    select * from {{ ref('int_flow_items') }}
),

item_scopes as (
    select * from {{ ref('item_scopes') }}
),

order_exemptions as (
    select * from {{ ref('order_exemptions') }}
),

flow_of_stages as (
    select
        works_code,
        max(flow_code) as flow_code
    from stages
    group by works_code
),

-- the flow is the one its stages were read by; a 工程 without a stage of its own has its project's
followed as (
    select
        works.*,
        coalesce(own.flow_code, of_project.flow_code) as followed_flow_code,
        least(stage_1_started_date, stage_2_started_date, stage_3_started_date, stage_4_started_date) as began_date,
        case
            when is_finished then 5
            when stage_4_started_date is not null then 4
            when stage_3_started_date is not null then 3
            when stage_2_started_date is not null then 2
            else 1
        end as begun_stage_number
    from works
    left join flow_of_stages as own on own.works_code = works.works_code
    left join flow_of_stages as of_project on of_project.works_code = works.project_code
),

milestones as (
    select distinct
        flow_items.flow_code,
        flow_items.flow_version,
        flow_stages.stage_number,
        coalesce(flow_stages.milestone_rule, 'all') as milestone_rule,
        flow_items.item_code,
        item_scopes.scope is not distinct from 'project' as is_shared
    from flow_items
    inner join flow_stages using (flow_code, flow_version, local_stage_number)
    left join item_scopes using (item_name)
    where flow_items.is_milestone
),

milestone_stages as (
    select distinct flow_code, stage_number from milestones
),

grants as (
    select distinct project_code, works_code, item_code from cases
    where item_code in (select item_code from milestones)
),

shared_items as (
    select distinct item_code from milestones
    where is_shared
),

-- granted to the 工程, to its project, or, of what is granted once per project, to any 工程 of it
held as (
    select
        followed.works_code,
        grants.item_code
    from followed
    inner join grants using (project_code)
    left join shared_items using (item_code)
    where grants.works_code in (followed.works_code, followed.project_code)
        or shared_items.item_code is not null
),

-- a stage is passed once a later one has begun
due as (
    select
        followed.project_code,
        followed.works_code,
        milestones.stage_number,
        milestones.milestone_rule,
        milestones.item_code
    from followed
    inner join flows
        on flows.flow_code = followed.followed_flow_code
        and followed.began_date between flows.effective_from and flows.effective_to
    inner join milestones
        on milestones.flow_code = flows.flow_code
        and milestones.flow_version = flows.flow_version
        and milestones.stage_number < followed.begun_stage_number
),

-- grouped, not joined: the planner takes the milestones of a stage for one row and would loop over all grants
matched as (
    select
        works_code,
        item_code,
        max(project_code) as project_code,
        max(stage_number) as stage_number,
        max(milestone_rule) as milestone_rule,
        bool_or(is_held) as is_granted
    from (
        select project_code, works_code, stage_number, milestone_rule, item_code, false as is_held from due
        union all
        select null, works_code, null, null, item_code, true from held
    ) as due_and_held
    group by works_code, item_code
    having count(project_code) > 0
),

-- each milestone must be there, or one of them where any ends the stage
required_items as (
    select
        project_code,
        works_code,
        string_agg(item_code, '|' order by item_code) as subject,
        bool_or(is_granted) as is_granted
    from matched
    group by project_code, works_code, stage_number, case milestone_rule when 'all' then item_code end
),

listed_items as (
    select distinct flow_code, flow_version, item_code from flow_items
),

stepped as (
    select
        steps.*,
        followed.followed_flow_code,
        case steps.stage_number
            when 2 then followed.stage_1_finished_date
            when 3 then followed.stage_2_finished_date
            when 4 then followed.stage_3_finished_date
        end as former_finished_date
    from steps
    inner join followed using (works_code)
),

-- either of two items has to wait for the other
dependent_items as (
    select flow_type_code, item_code, prerequisite_item_code as other_item_code from prerequisites
    union
    select flow_type_code, prerequisite_item_code, item_code from prerequisites
),

exempting as (
    select
        item_names.item_name,
        min(order_exemptions.exemption) as exemption
    from (select distinct item_name from steps) as item_names
    inner join order_exemptions on item_names.item_name ~ order_exemptions.name_pattern
    group by item_names.item_name
),

first_applications as (
    select distinct on (works_code, stage_number, item_code) *
    from stepped
    where stage_number between 1 and 4 and item_code is not null and followed_flow_code is not null
    order by works_code, stage_number, item_code, start_date, step_number
),

checks as (
    select
        project_code,
        works_code,
        'required_item_missing' as rule,
        subject,
        null as case_id,
        not is_granted as is_deviation,
        null as exemption
    from required_items
    union all
    select
        stepped.project_code,
        stepped.works_code,
        'item_not_in_flow',
        stepped.item_code,
        stepped.case_id,
        listed_items.item_code is null,
        null
    from stepped
    inner join flows
        on flows.flow_code = stepped.followed_flow_code
        and stepped.start_date between flows.effective_from and flows.effective_to
    left join listed_items
        on listed_items.flow_code = flows.flow_code
        and listed_items.flow_version = flows.flow_version
        and listed_items.item_code = stepped.item_code
    where stepped.item_code is not null
    union all
    select
        works.project_code,
        works.works_code,
        'order_break',
        item_prerequisites.item_code || ' < ' || item_prerequisites.prerequisite_item_code,
        item_prerequisites.case_id,
        item_prerequisites.state = 'decided_before',
        item_prerequisites.exemption
    from item_prerequisites
    inner join works
        on works.project_code = item_prerequisites.project_code
        and item_prerequisites.works_code in (works.works_code, works.project_code)
    union all
    -- nothing in the flow makes one wait for the other, yet it was accepted only when the other had been decided
    select
        earlier.project_code,
        earlier.works_code,
        'serial_though_parallel',
        earlier.item_code || ' → ' || later.item_code,
        later.case_id,
        coalesce(earlier.end_date < later.start_date, false),
        null
    from first_applications as earlier
    inner join first_applications as later
        on later.works_code = earlier.works_code
        and later.stage_number = earlier.stage_number
        and (later.start_date, later.step_number) > (earlier.start_date, earlier.step_number)
    where not exists (
        select 1
        from dependent_items
        where dependent_items.flow_type_code = coalesce(later.flow_type, '')
            and dependent_items.item_code = later.item_code
            and dependent_items.other_item_code = earlier.item_code
    )
    union all
    select
        stepped.project_code,
        stepped.works_code,
        'stage_before_milestone',
        stepped.item_code,
        stepped.case_id,
        -- a milestone that is not there at all is a missing item, not a stage begun too early
        coalesce(stepped.start_date < stepped.former_finished_date, false),
        case when stepped.is_tolerant then '容缺' else exempting.exemption end
    from stepped
    inner join milestone_stages as former_stages
        on former_stages.flow_code = stepped.followed_flow_code
        and former_stages.stage_number = stepped.stage_number - 1
        and former_stages.stage_number between 1 and 3
    left join exempting using (item_name)
)

select
    project_code,
    works_code,
    rule,
    count(*)::integer as check_count,
    (count(*) filter (where is_deviation and exemption is null))::integer as deviation_count,
    (count(*) filter (where is_deviation and exemption is not null))::integer as exempted_count,
    string_agg(distinct subject, ', ' order by subject) filter (where is_deviation and exemption is null)
        as deviating_subjects,
    array_agg(distinct case_id order by case_id) filter (where is_deviation and exemption is null and case_id is not null)
        as deviating_case_ids,
    string_agg(distinct exemption, ', ' order by exemption) filter (where is_deviation) as exemptions
from checks
group by project_code, works_code, rule
