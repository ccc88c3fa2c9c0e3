with agents as (
    {{ feed_union('agents', [
        ['source_department', 'text'], ['agent_code', 'text'], ['unit_name', 'text'], ['role_name', 'text'],
        ['joined_date', 'date'], ['left_date', 'date']
    ]) }}
),

services as (
    select * from {{ ref('fct_agent_service') }}
),

build as (
    select * from {{ ref('int_build') }}
),

-- whoever left after the day that the figures are true for was still there
roster as (
    select
        source_department,
        agent_code,
        unit_name,
        role_name,
        joined_date,
        {{ known_date('left_date') }} as left_date
    from agents
    where joined_date <= {{ as_of() }} or joined_date is null
),

served as (
    select
        source_department,
        agent_code,
        min(role_name) as role_name,
        count(distinct coalesce(project_code, service_id))::integer as project_count,
        (count(distinct coalesce(project_code, service_id)) filter (where is_running))::integer as open_project_count,
        count(response_working_days)::integer as responded_count,
        (count(*) filter (where is_waiting))::integer as waiting_count
    from services
    where agent_code is not null
    group by source_department, agent_code
)

select
    source_department || ':' || agent_code as agent_id,
    source_department,
    agent_code,
    roster.agent_code is not null as is_on_roster,
    roster.unit_name,
    coalesce(roster.role_name, served.role_name) as role_name,
    roster.joined_date,
    roster.left_date,
    roster.agent_code is not null and roster.left_date is null as is_on_duty,
    coalesce(served.project_count, 0) as project_count,
    coalesce(served.open_project_count, 0) as open_project_count,
    coalesce(served.responded_count, 0) as responded_count,
    coalesce(served.waiting_count, 0) as waiting_count,
    build.as_of,
    build.calendar_version,
    build.rule_version
from roster
full join served using (source_department, agent_code)
cross join build
