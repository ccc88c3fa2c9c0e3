with complaints as (
    {{ feed_union('complaints', [
        ['source_department', 'text'], ['complaint_code', 'text'], ['project_code_raw', 'text'],
        ['department_name', 'text'], ['matter', 'text'], ['received_at', 'timestamp'], ['closed_at', 'timestamp'],
        ['is_upheld', 'boolean'], ['batch_id', 'bigint'], ['row_number', 'bigint']
    ]) }}
),

departments as (
    select * from {{ ref('int_departments') }}
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
        complaints.*,
        {{ named_project('project_code_raw') }} as project_code,
        received_at::date as received_date,
        {{ known_date('closed_at') }} as closed_date
    from complaints
    where received_at::date <= {{ as_of() }} or received_at is null
),

ordered as (
    select
        as_known.*,
        received_date is null or coalesce(received_date > closed_date, false) as has_order_error
    from as_known
)

select
    ordered.source_department || ':' || ordered.complaint_code as complaint_id,
    ordered.source_department,
    ordered.complaint_code,
    ordered.project_code,
    projects.project_code is not null as is_known_project,
    departments.department_id,
    coalesce(departments.department_name, ordered.department_name) as department_name,
    {{ mask_text('ordered.matter') }} as matter,
    ordered.received_date,
    date_trunc('month', ordered.received_date)::date as received_month,
    ordered.closed_date,
    case
        when not ordered.has_order_error then closed_day.working_day_number - received_day.working_day_number
    end as closing_working_days,
    ordered.closed_date is not null as is_closed,
    case when ordered.closed_date is not null then ordered.is_upheld end as is_upheld,
    ordered.has_order_error,
    ordered.batch_id,
    ordered.row_number,
    build.as_of,
    build.calendar_version,
    build.rule_version
from ordered
cross join build
{{ join_named_department('ordered.department_name') }}
left join projects on projects.project_code = ordered.project_code
left join calendar as received_day on received_day.date_day = ordered.received_date
left join calendar as closed_day on closed_day.date_day = ordered.closed_date
