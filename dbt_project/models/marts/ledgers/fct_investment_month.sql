with investments_done as (
    {{ feed_union('investments_done', [
        ['source_department', 'text'], ['project_code_raw', 'text'], ['month', 'date'], ['amount_wan', 'numeric']
    ]) }}
),

pipeline_projects as (
    select * from {{ ref('fct_pipeline_project') }}
),

projects as (
    select * from {{ ref('int_projects') }}
),

flow_types as (
    select * from {{ ref('code_lists') }}
    where code_list = 'flow_type'
),

build as (
    select * from {{ ref('int_build') }}
),

-- a row that names no project stays under what it says
reported as (
    select
        {{ named_project('project_code_raw') }} as project_code,
        coalesce({{ named_project('project_code_raw') }}, source_department || ':' || project_code_raw, source_department)
            as project_key,
        month,
        amount_wan
    from investments_done
    where month <= {{ as_of() }} or month is null
),

done as (
    select
        project_key,
        project_code,
        month,
        sum(amount_wan) as done_wan,
        count(*)::integer as row_count
    from reported
    group by project_key, project_code, month
),

-- a month is reported in the next: until then nothing done is not known
reports as (
    select min(month) as first_month, max(month) as last_month
    from reported
),

-- 序时进度: a year's plan in twelve parts that add up to it, as long as the project is in the pipeline
planned as (
    select
        coalesce(pipeline_projects.project_code, pipeline_projects.pipeline_id) as project_key,
        pipeline_projects.project_code,
        make_date(pipeline_projects.plan_year, months.month_number, 1) as month,
        max(pipeline_projects.project_name) as planned_name,
        sum(
            round(planned_investment_wan * months.month_number / 12, 2)
            - round(planned_investment_wan * (months.month_number - 1) / 12, 2)
        ) as planned_wan
    from pipeline_projects
    cross join generate_series(1, 12) as months (month_number)
    where pipeline_projects.planned_investment_wan is not null
        and make_date(nullif(pipeline_projects.plan_year, 0), months.month_number, 1)
        <= least(pipeline_projects.dropped_date, {{ as_of() }})
    group by 1, 2, 3
)

select
    concat_ws(':', project_key, month) as investment_id,
    coalesce(done.project_code, planned.project_code) as project_code,
    coalesce(
        {{ mask_project_name('projects.project_name', 'projects.is_household_pv') }},
        planned.planned_name
    ) as project_name,
    projects.project_code is not null as is_known_project,
    flow_types.name as flow_type_name,
    month,
    planned.planned_wan,
    done.done_wan,
    coalesce(done.row_count, 0) as row_count,
    coalesce(month + interval '1 month' - interval '1 day' <= build.as_of, false) as is_month_over,
    coalesce(month between reports.first_month and reports.last_month, false) as is_month_reported,
    build.as_of,
    build.calendar_version,
    build.rule_version
from done
full join planned using (project_key, month)
cross join build
cross join reports
left join projects on projects.project_code = coalesce(done.project_code, planned.project_code)
left join flow_types on flow_types.code = projects.flow_type_code
