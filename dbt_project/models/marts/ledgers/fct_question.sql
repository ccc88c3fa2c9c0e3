with questions as (
    {{ feed_union('questions', [
        ['source_department', 'text'], ['question_code', 'text'], ['project_code_raw', 'text'], ['topic', 'text'],
        ['channel_name', 'text'], ['department_name', 'text'], ['asked_at', 'timestamp'],
        ['replied_at', 'timestamp'], ['batch_id', 'bigint'], ['row_number', 'bigint']
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
        questions.*,
        {{ named_project('project_code_raw') }} as project_code,
        asked_at::date as asked_date,
        {{ known_date('replied_at') }} as replied_date
    from questions
    where asked_at::date <= {{ as_of() }} or asked_at is null
),

ordered as (
    select
        as_known.*,
        asked_date is null or coalesce(asked_date > replied_date, false) as has_order_error
    from as_known
)

select
    ordered.source_department || ':' || ordered.question_code as question_id,
    ordered.source_department,
    ordered.question_code,
    ordered.project_code,
    {{ mask_project_name('projects.project_name', 'projects.is_household_pv') }} as project_name,
    projects.project_code is not null as is_known_project,
    {{ mask_text('ordered.topic') }} as topic,
    ordered.channel_name,
    departments.department_id,
    coalesce(departments.department_name, ordered.department_name) as department_name,
    ordered.asked_date,
    date_trunc('month', ordered.asked_date)::date as asked_month,
    ordered.replied_date,
    ordered.replied_date is not null as is_replied,
    case
        when not ordered.has_order_error then coalesce(ordered.replied_date = ordered.asked_date, false)
    end as is_replied_same_day,
    case
        when not ordered.has_order_error then replied_day.working_day_number - asked_day.working_day_number
    end as reply_working_days,
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
left join calendar as asked_day on asked_day.date_day = ordered.asked_date
left join calendar as replied_day on replied_day.date_day = ordered.replied_date
