{%- set steps = ['tasked', 'listed', 'decided', 'started'] -%}
{%- set said = [
    'plan_year', 'task_name', 'list_name', 'project_name', 'readiness_name', 'planned_investment_wan', 'project_code',
    'tasked_date', 'listed_date', 'decided_date', 'dropped_date', 'batch_id', 'row_number'
] -%}

with pipeline_projects as (
    {{ feed_union('pipeline_projects', [
        ['source_department', 'text'], ['pipeline_code', 'text'], ['plan_year', 'integer'], ['task_name', 'text'],
        ['list_name', 'text'], ['project_name', 'text'], ['readiness_name', 'text'],
        ['planned_investment_wan', 'numeric'], ['project_code_raw', 'text'], ['tasked_date', 'date'],
        ['listed_date', 'date'], ['decided_date', 'date'], ['dropped_date', 'date'], ['batch_id', 'bigint'],
        ['row_number', 'bigint']
    ]) }}
),

pipeline_elements as (
    {{ feed_union('pipeline_elements', [
        ['source_department', 'text'], ['pipeline_code', 'text'], ['element_name', 'text'],
        ['needed_by_date', 'date'], ['matched_date', 'date']
    ]) }}
),

projects as (
    select * from {{ ref('int_projects') }}
),

lifecycles as (
    select * from {{ ref('int_project_lifecycles') }}
),

build as (
    select * from {{ ref('int_build') }}
),

as_known as (
    select
        source_department,
        pipeline_code,
        plan_year,
        task_name,
        list_name,
        project_name,
        readiness_name,
        planned_investment_wan,
        {{ named_project('project_code_raw') }} as project_code,
        tasked_date,
        {%- for step in ['listed', 'decided', 'dropped'] %}
        {{ known_date(step ~ '_date') }} as {{ step }}_date,
        {%- endfor %}
        batch_id,
        row_number
    from pipeline_projects
    where tasked_date <= {{ as_of() }} or tasked_date is null
),

-- of planned projects that were not there yet, nothing is known either
element_states as (
    select
        pipeline_elements.source_department,
        pipeline_elements.pipeline_code,
        pipeline_elements.element_name,
        pipeline_elements.needed_by_date,
        coalesce(pipeline_elements.matched_date <= {{ as_of() }}, false) as is_matched
    from pipeline_elements
    left join pipeline_projects using (source_department, pipeline_code)
    where pipeline_projects.tasked_date <= {{ as_of() }} or pipeline_projects.tasked_date is null
),

elements as (
    select
        source_department,
        pipeline_code,
        count(*)::integer as element_count,
        (count(*) filter (where is_matched))::integer as matched_element_count,
        (count(*) filter (where not is_matched and needed_by_date < {{ as_of() }}))::integer as overdue_element_count,
        string_agg(element_name, '、' order by needed_by_date, element_name) filter (where not is_matched)
            as missing_elements
    from element_states
    group by source_department, pipeline_code
),

-- what an element names and no list has stays, by its number alone
joined as (
    select
        source_department,
        pipeline_code,
        {%- for column in said %}
        as_known.{{ column }},
        {%- endfor %}
        coalesce(elements.element_count, 0) as element_count,
        coalesce(elements.matched_element_count, 0) as matched_element_count,
        coalesce(elements.overdue_element_count, 0) as overdue_element_count,
        elements.missing_elements
    from as_known
    full join elements using (source_department, pipeline_code)
),

found as (
    select
        joined.*,
        projects.project_code is not null as is_known_project,
        {{ mask_project_name('projects.project_name', 'projects.is_household_pv') }} as registered_name,
        lifecycles.construction_permit_date as started_date
    from joined
    left join projects using (project_code)
    left join lifecycles using (project_code)
),

ordered as (
    select
        found.*,
        batch_id is not null as is_in_pipeline,
        coalesce(
            {%- for later in steps[1:] %}
            {{ later }}_date < greatest({% for earlier in steps[:loop.index] %}{{ earlier }}_date{{ ", " if not loop.last }}{% endfor %})
            {{- "," if loop.last else " or" }}
            {%- endfor %}
            false
        ) or tasked_date is null as has_order_error
    from found
)

select
    ordered.source_department || ':' || ordered.pipeline_code as pipeline_id,
    ordered.source_department,
    ordered.pipeline_code,
    ordered.is_in_pipeline,
    ordered.plan_year,
    make_date(nullif(ordered.plan_year, 0), 1, 1) as plan_year_start,
    ordered.task_name,
    ordered.list_name,
    coalesce(ordered.registered_name, {{ mask_text('ordered.project_name') }}) as project_name,
    ordered.readiness_name,
    ordered.planned_investment_wan,
    ordered.project_code,
    ordered.is_known_project,
    ordered.tasked_date,
    ordered.listed_date,
    ordered.decided_date,
    ordered.started_date,
    ordered.dropped_date,
    {%- for step in steps[1:] %}
    case when not ordered.has_order_error then ordered.{{ step }}_date - ordered.{{ steps[loop.index0] }}_date end
        as {{ steps[loop.index0] }}_to_{{ step }}_days,
    {%- endfor %}
    case
        when not ordered.is_in_pipeline then '查无编号'
        when ordered.started_date is not null then '已开工'
        when ordered.dropped_date is not null then '已退出'
        when ordered.decided_date is not null then '已决策'
        when ordered.listed_date is not null then '已入库'
        else '已下达任务'
    end as state_name,
    ordered.is_in_pipeline and ordered.started_date is null and ordered.dropped_date is null as is_live,
    ordered.element_count,
    ordered.matched_element_count,
    ordered.overdue_element_count,
    ordered.missing_elements,
    ordered.has_order_error,
    ordered.batch_id,
    ordered.row_number,
    build.as_of,
    build.calendar_version,
    build.rule_version
from ordered
cross join build
