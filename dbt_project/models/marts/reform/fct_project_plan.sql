with plans as (
    {{ feed_union('project_plans', [
        ['source_department', 'text'], ['project_code_raw', 'text'], ['item_code', 'text'],
        ['planned_start_date', 'date'], ['planned_end_date', 'date'], ['predecessor_item_codes', 'text'],
        ['batch_id', 'bigint'], ['row_number', 'bigint']
    ]) }}
),

cases as (
    select * from {{ ref('fct_item_instance') }}
),

projects as (
    select * from {{ ref('int_projects') }}
),

completed as (
    select project_code
    from {{ ref('int_project_lifecycles') }}
    where completion_date is not null
),

items as (
    select * from {{ ref('int_current_items') }}
),

calendar as (
    select * from {{ ref('int_calendar') }}
),

build as (
    select * from {{ ref('int_build') }}
),

planned as (
    select
        plans.*,
        {{ named_project('project_code_raw') }} as project_code
    from plans
),

-- an item is granted once something was and nothing is open: another 工程 of the project may need it again later
actual as (
    select
        planned.source_department,
        planned.project_code,
        planned.item_code,
        count(distinct cases.case_id)::integer as case_count,
        min(coalesce(cases.received_date, cases.accepted_date)) as started_date,
        bool_or(cases.outcome = 'passed') and not bool_or(cases.is_open) as is_granted,
        max(cases.decided_date) filter (where cases.outcome = 'passed') as last_granted_date
    from planned
    inner join cases
        on cases.project_code = planned.project_code
        and cases.item_code = planned.item_code
    group by planned.source_department, planned.project_code, planned.item_code
),

predecessors as (
    select
        planned.source_department,
        planned.project_code_raw,
        planned.item_code,
        string_agg(coalesce(items.item_name, codes.code), '、' order by codes.number) as predecessor_names
    from planned
    cross join lateral regexp_split_to_table(planned.predecessor_item_codes, '\s*,\s*') with ordinality
        as codes (code, number)
    left join items on items.item_code = codes.code
    group by planned.source_department, planned.project_code_raw, planned.item_code
),

dated as (
    select
        planned.*,
        predecessors.predecessor_names,
        coalesce(actual.case_count, 0) as case_count,
        actual.started_date,
        case when actual.is_granted then actual.last_granted_date end as granted_date,
        planned.planned_start_date > planned.planned_end_date as has_order_error
    from planned
    left join actual using (source_department, project_code, item_code)
    left join predecessors using (source_department, project_code_raw, item_code)
)

select
    dated.source_department || ':' || coalesce(dated.project_code_raw, '') || '/' || dated.item_code as plan_id,
    dated.source_department,
    dated.project_code,
    {{ mask_project_name('projects.project_name', 'projects.is_household_pv') }} as project_name,
    projects.project_code is not null as is_known_project,
    dated.item_code,
    items.item_name,
    items.item_code is not null as is_known_item,
    items.department_id,
    items.department_name,
    items.stage_number,
    dated.predecessor_item_codes,
    dated.predecessor_names,
    dated.planned_start_date,
    dated.planned_end_date,
    coalesce(dated.has_order_error, true) as has_order_error,
    dated.case_count,
    dated.started_date,
    start_day.working_day_number - planned_start_day.working_day_number as start_late_working_days,
    dated.granted_date,
    end_day.working_day_number - planned_end_day.working_day_number as end_late_working_days,
    case
        when dated.has_order_error is not false then '计划日期有误'
        when dated.granted_date <= dated.planned_end_date then '按计划完成'
        when dated.granted_date is not null then '晚于计划完成'
        -- nobody knows whether it was needed after all
        when dated.started_date is null and completed.project_code is not null then '没有办件'
        when dated.planned_end_date < build.as_of then '逾期未完成'
        when dated.started_date is not null then '办理中'
        when dated.planned_start_date < build.as_of then '应开始未开始'
        else '未到计划'
    end as state_name,
    dated.batch_id,
    dated.row_number,
    build.as_of,
    build.calendar_version,
    build.rule_version
from dated
cross join build
left join projects using (project_code)
left join completed using (project_code)
left join items using (item_code)
left join calendar as planned_start_day on planned_start_day.date_day = dated.planned_start_date
left join calendar as planned_end_day on planned_end_day.date_day = dated.planned_end_date
left join calendar as start_day on start_day.date_day = dated.started_date
left join calendar as end_day on end_day.date_day = dated.granted_date
