with callbacks as (
    {{ feed_union('callbacks', [
        ['source_department', 'text'], ['callback_code', 'text'], ['instance_code', 'text'],
        ['project_code_raw', 'text'], ['department_name', 'text'], ['called_at', 'timestamp'],
        ['is_answered', 'boolean'], ['grade', 'integer'], ['batch_id', 'bigint'], ['row_number', 'bigint']
    ]) }}
),

departments as (
    select * from {{ ref('int_departments') }}
),

projects as (
    select * from {{ ref('int_projects') }}
),

build as (
    select * from {{ ref('int_build') }}
),

as_known as (
    select
        callbacks.*,
        {{ named_project('project_code_raw') }} as project_code,
        called_at::date as called_date
    from callbacks
    where called_at::date <= {{ as_of() }} or called_at is null
)

select
    as_known.source_department || ':' || as_known.callback_code as callback_id,
    as_known.source_department,
    as_known.callback_code,
    as_known.instance_code,
    as_known.project_code,
    projects.project_code is not null as is_known_project,
    departments.department_id,
    coalesce(departments.department_name, as_known.department_name) as department_name,
    as_known.called_date,
    date_trunc('month', as_known.called_date)::date as called_month,
    as_known.is_answered,
    as_known.grade,
    -- a grade of somebody who did not answer is none
    case when as_known.is_answered and as_known.grade between 1 and 5 then as_known.grade >= 3 end as is_satisfied,
    as_known.batch_id,
    as_known.row_number,
    build.as_of,
    build.calendar_version,
    build.rule_version
from as_known
cross join build
{{ join_named_department('as_known.department_name') }}
left join projects on projects.project_code = as_known.project_code
