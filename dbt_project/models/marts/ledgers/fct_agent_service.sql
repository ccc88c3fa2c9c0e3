with agent_services as (
    {{ feed_union('agent_services', [
        ['source_department', 'text'], ['service_code', 'text'], ['project_code_raw', 'text'], ['agent_code', 'text'],
        ['role_name', 'text'], ['assigned_at', 'timestamp'], ['first_response_at', 'timestamp'],
        ['ended_at', 'timestamp'], ['batch_id', 'bigint'], ['row_number', 'bigint']
    ]) }}
),

agents as (
    {{ feed_union('agents', [['source_department', 'text'], ['agent_code', 'text'], ['unit_name', 'text']]) }}
),

projects as (
    select * from {{ ref('int_projects') }}
),

calendar as (
    select * from {{ ref('int_calendar') }}
),

build as (
    select * from {{ ref('int_build') }}
),

as_known as (
    select
        source_department || ':' || service_code as service_id,
        source_department,
        service_code,
        {{ named_project('project_code_raw') }} as project_code,
        agent_code,
        role_name,
        assigned_at::date as assigned_date,
        {{ known_date('first_response_at') }} as first_response_date,
        {{ known_date('ended_at') }} as ended_date,
        batch_id,
        row_number
    from agent_services
    where assigned_at::date <= {{ as_of() }} or assigned_at is null
),

ordered as (
    select
        as_known.*,
        coalesce(assigned_date > least(first_response_date, ended_date), assigned_date is null) as has_order_error
    from as_known
)

select
    ordered.service_id,
    ordered.source_department,
    ordered.service_code,
    ordered.project_code,
    {{ mask_project_name('projects.project_name', 'projects.is_household_pv') }} as project_name,
    projects.project_code is not null as is_known_project,
    ordered.agent_code,
    agents.agent_code is not null as is_on_roster,
    agents.unit_name,
    ordered.role_name,
    ordered.assigned_date,
    date_trunc('month', ordered.assigned_date)::date as assigned_month,
    ordered.first_response_date,
    case
        when not ordered.has_order_error then response_day.working_day_number - assigned_day.working_day_number
    end as response_working_days,
    ordered.ended_date,
    ordered.ended_date is null as is_running,
    ordered.first_response_date is null and ordered.ended_date is null as is_waiting,
    ordered.has_order_error,
    ordered.batch_id,
    ordered.row_number,
    build.as_of,
    build.calendar_version,
    build.rule_version
from ordered
cross join build
left join projects using (project_code)
left join agents
    on agents.source_department = ordered.source_department
    and agents.agent_code = ordered.agent_code
left join calendar as assigned_day on assigned_day.date_day = ordered.assigned_date
left join calendar as response_day on response_day.date_day = ordered.first_response_date
