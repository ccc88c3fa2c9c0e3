{#- Everybody may read this without a login: no names, owners, amounts, nothing of a single 办件. -#}
with projects as (
    select * from {{ ref('fct_project_lifecycle') }}
),

stages as (
    select * from {{ ref('fct_stage') }}
),

progress as (
    select
        projects.project_code,
        stages.stage_number,
        stages.stage_number || ' ' || stages.stage_name as stage,
        case
            when bool_and(stages.is_finished) then '已完成'
            when sum(stages.open_case_count) > 0 then '正在办理'
            else '进行中'
        end as state,
        sum(stages.decided_case_count) || ' / ' || sum(stages.case_count) || ' 件办结' as cases,
        min(coalesce(stages.first_received_date, stages.first_accepted_date)) as started,
        case when bool_and(stages.is_finished) then max(stages.finished_date) end as finished,
        case
            when projects.current_stage_number = stages.stage_number
                then concat_ws('，', projects.next_due_department_name, projects.next_due_item_name, '应于 ' || projects.next_due_date || ' 前办结')
        end as next_step,
        projects.as_of
    from projects
    inner join stages using (project_code)
    group by
        projects.project_code, stages.stage_number, stages.stage_name, projects.current_stage_number,
        projects.next_due_department_name, projects.next_due_item_name, projects.next_due_date, projects.as_of
)

select * from progress

union all

-- what stands there until somebody chooses
select '*请选择*', 0, '请在上方选择或输入项目代码', null, null, null, null, null, {{ as_of() }}
