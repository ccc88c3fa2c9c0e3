{{ config(
    materialized='incremental',
    incremental_strategy='replace_changed',
    unique_key='project_code',
    meta={'among': 'int_stirred_projects', 'keeps_former': 'int_stirred_projects'},
    indexes=[{'columns': ['works_code', 'step_number'], 'unique': true}, {'columns': ['project_code']}]
) }}

{#-
  What each case of a 工程 had to wait for: its predecessor. Where the flow requires items, the latest of
  them that was granted by then; else the latest decision of the 工程 by then. One pass, in the order of dates.
-#}

with case_days as not materialized (
    select * from {{ ref('int_case_days') }}
    where {{ only_changed('project_code', among='int_stirred_projects') }}
),

instances as (
    select * from {{ ref('int_item_instances') }}
    where {{ only_changed('project_code', among='int_stirred_projects') }}
),

works as (
    select * from {{ ref('int_works') }}
),

prerequisites as (
    select * from {{ ref('int_prerequisites') }}
),

calendar as (
    select * from {{ ref('int_calendar') }}
),

known_works as (
    select project_code, works_code from works
    where works_code != project_code
        and {{ only_changed('project_code', among='int_stirred_projects') }}
    union
    select project_code, works_code from case_days
    where not is_project_wide
),

-- a case for the whole project holds up every one of its 工程; the project stands for a 工程 only while it has none
memberships as (
    select case_id, works_code from case_days
    where not is_project_wide
    union all
    select
        case_days.case_id,
        coalesce(known_works.works_code, case_days.works_code) as works_code
    from case_days
    left join known_works using (project_code)
    where case_days.is_project_wide
),

located as (
    select
        case_days.project_code,
        memberships.works_code,
        case_days.case_id,
        coalesce(works.flow_type_code, instances.flow_type) as flow_type,
        instances.item_code,
        instances.item_version,
        instances.item_name,
        case_days.stage_number,
        instances.department_id,
        instances.department_name,
        instances.office_name,
        instances.parallel_group_code,
        instances.is_tolerant,
        case_days.outcome,
        instances.received_date,
        case_days.start_date,
        -- an open case moves with as_of: it has no end yet
        case when case_days.outcome != 'open' then case_days.end_date end as end_date,
        case when case_days.outcome != 'open' then case_days.elapsed_working_days end as elapsed_working_days
    from memberships
    inner join case_days using (case_id)
    inner join instances using (case_id)
    left join works on works.works_code = memberships.works_code
),

numbered as (
    select
        located.*,
        (row_number() over (
            partition by works_code order by end_date, start_date, stage_number, item_code, case_id
        ))::integer as step_number
    from located
),

-- the days of the decisions of a 工程 in their order: the place of one is its step_number
decisions as (
    select
        works_code,
        array_agg(end_date order by step_number) as end_dates
    from numbered
    where end_date is not null
    group by works_code
),

latest_required as (
    select
        numbered.works_code,
        numbered.step_number,
        max(required.step_number) as required_number,
        array_agg(distinct required.step_number) as required_numbers
    from numbered
    inner join prerequisites
        on prerequisites.item_code = numbered.item_code
        and prerequisites.flow_type_code = coalesce(numbered.flow_type, '')
        and numbered.start_date between prerequisites.valid_from and prerequisites.valid_to
    inner join numbered as required
        on required.works_code = numbered.works_code
        and required.item_code = prerequisites.prerequisite_item_code
        and required.outcome = 'passed'
        and required.end_date <= numbered.start_date
        and required.step_number < numbered.step_number
    group by numbered.works_code, numbered.step_number
),

-- A decision on the day of an acceptance came before it. Of cases that took no day, the earlier number came first.
preceded as (
    select
        numbered.*,
        coalesce(
            latest_required.required_number,
            nullif(
                case
                    when numbered.start_date = numbered.end_date then numbered.step_number - 1
                    else width_bucket(numbered.start_date, decisions.end_dates)
                end,
                0
            )
        ) as predecessor_number,
        latest_required.required_number is not null as is_predecessor_required,
        latest_required.required_numbers
    from numbered
    left join decisions on decisions.works_code = numbered.works_code
    left join latest_required
        on latest_required.works_code = numbered.works_code
        and latest_required.step_number = numbered.step_number
),

connected as (
    select
        preceded.*,
        predecessors.item_code as from_item_code,
        predecessors.item_name as from_item_name,
        predecessors.end_date as ready_date,
        -- papers that were in before the predecessor's decision waited for the department only
        least(
            greatest(coalesce(preceded.received_date, preceded.start_date), predecessors.end_date), preceded.start_date
        ) as handed_in_date
    from preceded
    left join numbered as predecessors
        on predecessors.works_code = preceded.works_code
        and predecessors.step_number = preceded.predecessor_number
)

select
    connected.*,
    ready_day.working_day_number as ready_number,
    handed_in_day.working_day_number as handed_in_number,
    start_day.working_day_number as start_number,
    end_day.working_day_number as end_number
from connected
inner join calendar as start_day on start_day.date_day = connected.start_date
left join calendar as end_day on end_day.date_day = connected.end_date
left join calendar as ready_day on ready_day.date_day = connected.ready_date
left join calendar as handed_in_day on handed_in_day.date_day = connected.handed_in_date
