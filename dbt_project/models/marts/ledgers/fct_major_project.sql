{%- set roles = {'chief': '项目长', 'specialist': '服务专员', 'agent': '代办员'} -%}

with major_projects as (
    {{ feed_union('major_projects', [
        ['source_department', 'text'], ['entry_code', 'text'], ['list_year', 'integer'], ['project_code_raw', 'text'],
        ['project_name', 'text'], ['level_name', 'text'], ['total_investment_wan', 'numeric'], ['lead_post', 'text'],
        ['chief_code', 'text'], ['specialist_code', 'text'], ['is_new_start', 'boolean'],
        ['planned_start_date', 'date'], ['listed_at', 'timestamp'], ['delisted_at', 'timestamp'],
        ['batch_id', 'bigint'], ['row_number', 'bigint']
    ]) }}
),

services as (
    select * from {{ ref('fct_agent_service') }}
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
        source_department || ':' || entry_code as entry_id,
        source_department,
        entry_code,
        list_year,
        {{ named_project('project_code_raw') }} as project_code,
        project_name,
        level_name,
        total_investment_wan,
        lead_post,
        chief_code,
        specialist_code,
        is_new_start,
        planned_start_date,
        listed_at::date as listed_date,
        {{ known_date('delisted_at') }} as delisted_date,
        batch_id,
        row_number
    from major_projects
    where listed_at::date <= {{ as_of() }} or listed_at is null
),

-- two departments may list one project for one year: it counts once, where it is still listed and was first
ranked as (
    select
        as_known.*,
        project_code is not null and row_number() over (
            partition by list_year, project_code
            order by delisted_date is not null, is_new_start is not true, listed_date, entry_id
        ) > 1 as is_repeated
    from as_known
),

-- who serves a project now, or served it to its end
teams as (
    select
        services.project_code,
        count(distinct services.agent_code)::integer as agent_count
        {%- for role, name in roles.items() %},
        bool_or(services.role_name = '{{ name }}') as has_{{ role }}
        {%- endfor %}
    from services
    left join lifecycles using (project_code)
    where services.ended_date is null or services.ended_date >= lifecycles.completion_date
    group by services.project_code
)

select
    ranked.entry_id,
    ranked.source_department,
    ranked.entry_code,
    ranked.list_year,
    make_date(nullif(ranked.list_year, 0), 1, 1) as list_year_start,
    ranked.project_code,
    coalesce(
        {{ mask_project_name('projects.project_name', 'projects.is_household_pv') }},
        {{ mask_text('ranked.project_name') }}
    ) as project_name,
    projects.project_code is not null as is_known_project,
    ranked.level_name,
    coalesce(ranked.total_investment_wan, projects.total_investment_wan) as total_investment_wan,
    ranked.lead_post,
    ranked.chief_code,
    ranked.specialist_code,
    coalesce(ranked.is_new_start, false) as is_new_start,
    ranked.planned_start_date,
    ranked.listed_date,
    ranked.delisted_date,
    ranked.delisted_date is null as is_listed,
    ranked.is_repeated,
    ranked.delisted_date is null and not ranked.is_repeated as is_counted,
    lifecycles.established_date,
    lifecycles.construction_permit_date,
    lifecycles.completion_date,
    lifecycles.established_date is not null as is_established,
    lifecycles.construction_permit_date is not null as is_permitted,
    case
        when lifecycles.construction_permit_date is not null then '已取得施工许可'
        when lifecycles.established_date is not null then '已立项，施工许可未办结'
        when projects.project_code is not null then '已赋码，未立项'
        else '未赋码'
    end as progress_name,
    case
        when coalesce(lifecycles.construction_permit_date, build.as_of) > ranked.planned_start_date then true
        when lifecycles.construction_permit_date is not null and ranked.planned_start_date is not null then false
    end as is_behind_plan,
    lifecycles.next_due_item_name,
    lifecycles.next_due_department_name,
    coalesce(teams.agent_count, 0) as agent_count,
    teams.agent_count is not null as has_agent,
    {% for role in roles %}coalesce(teams.has_{{ role }}, false){{ " and " if not loop.last }}{% endfor %} as has_full_team,
    ranked.batch_id,
    ranked.row_number,
    build.as_of,
    build.calendar_version,
    build.rule_version
from ranked
cross join build
left join projects using (project_code)
left join lifecycles using (project_code)
left join teams using (project_code)
