{%- set steps = ['feedback', 'path', 'progress'] -%}
{%- set dated = steps + ['solved'] -%}

with problems as (
    {{ feed_union('problems', [
        ['source_department', 'text'], ['problem_code', 'text'], ['project_code_raw', 'text'], ['title', 'text'],
        ['source_name', 'text'], ['kind_name', 'text'], ['owner_unit_name', 'text'], ['reported_at', 'timestamp'],
        ['feedback_at', 'timestamp'], ['path_at', 'timestamp'], ['progress_at', 'timestamp'],
        ['solved_at', 'timestamp'], ['reopened_at', 'timestamp'], ['batch_id', 'bigint'], ['row_number', 'bigint']
    ]) }}
),

meeting_problems as (
    {{ feed_union('meeting_problems', [
        ['source_department', 'text'], ['meeting_code', 'text'], ['problem_code', 'text']
    ]) }}
),

meetings as (
    {{ feed_union('meetings', [['source_department', 'text'], ['meeting_code', 'text'], ['held_at', 'timestamp']]) }}
),

projects as (
    select * from {{ ref('int_projects') }}
),

limits as (
    select
        {%- for step in steps %}
        max(limit_working_days) filter (where step = '{{ step }}') as {{ step }}_limit{{ "," if not loop.last }}
        {%- endfor %}
    from {{ ref('problem_limits') }}
),

calendar as (
    select * from {{ ref('int_calendar') }}
),

build as (
    select * from {{ ref('int_build') }}
),

-- as the ledger stood at the end of the day that the figures are true for
as_known as (
    select
        source_department || ':' || problem_code as problem_id,
        source_department,
        problem_code,
        {{ named_project('project_code_raw') }} as project_code,
        title,
        source_name,
        kind_name,
        owner_unit_name,
        reported_at::date as reported_date,
        {%- for step in dated + ['reopened'] %}
        {{ known_date(step ~ '_at') }} as {{ step }}_date,
        {%- endfor %}
        batch_id,
        row_number
    from problems
    where reported_at::date <= {{ as_of() }} or reported_at is null
),

discussed as (
    select
        meeting_problems.source_department || ':' || meeting_problems.problem_code as problem_id,
        count(*)::integer as meeting_count
    from meeting_problems
    inner join meetings using (source_department, meeting_code)
    where meetings.held_at::date <= {{ as_of() }}
    group by 1
),

ordered as (
    select
        as_known.*,
        coalesce(
            as_known.reported_date > least(
                {%- for step in dated %}as_known.{{ step }}_date{{ ", " if not loop.last }}{% endfor %}
            )
            or as_known.solved_date > as_known.reopened_date,
            as_known.reported_date is null
        ) as has_order_error
    from as_known
),

-- working days by which something was answered or, where it is not, has been waited for
counted as (
    select
        ordered.*,
        {%- for step in dated %}
        case
            when not ordered.has_order_error then {{ step }}_day.working_day_number - reported_day.working_day_number
        end as {{ step }}_working_days,
        {%- endfor %}
        case
            when not ordered.has_order_error then today.working_day_number - reported_day.working_day_number
        end as waited_working_days
    from ordered
    cross join build
    left join calendar as reported_day on reported_day.date_day = ordered.reported_date
    left join calendar as today on today.date_day = build.as_of
    {%- for step in dated %}
    left join calendar as {{ step }}_day on {{ step }}_day.date_day = ordered.{{ step }}_date
    {%- endfor %}
)

select
    counted.problem_id,
    counted.source_department,
    counted.problem_code,
    counted.project_code,
    {{ mask_project_name('projects.project_name', 'projects.is_household_pv') }} as project_name,
    projects.project_code is not null as is_known_project,
    counted.project_code is not null and row_number() over (
        partition by counted.project_code order by counted.reported_date, counted.problem_id
    ) = 1 as is_first_of_project,
    {{ mask_text('counted.title') }} as title,
    counted.source_name,
    counted.kind_name,
    counted.owner_unit_name,
    counted.reported_date,
    date_trunc('month', counted.reported_date)::date as reported_month,
    {%- for step in steps %}
    counted.{{ step }}_date,
    counted.{{ step }}_working_days,
    -- nothing can be said while the limit still runs
    case
        when counted.{{ step }}_working_days is not null then counted.{{ step }}_working_days <= limits.{{ step }}_limit
        when counted.{{ step }}_date is null and counted.waited_working_days > limits.{{ step }}_limit then false
    end as is_{{ step }}_in_time,
    {%- endfor %}
    counted.solved_date,
    counted.solved_working_days,
    counted.reopened_date,
    counted.solved_date is not null and counted.reopened_date is null as is_solved,
    counted.reopened_date is not null as is_reopened,
    case
        when counted.reopened_date is not null then '重新提出'
        when counted.solved_date is not null then '已解决'
        when counted.progress_date is not null then '有进展'
        when counted.path_date is not null then '已定路径'
        when counted.feedback_date is not null then '已反馈'
        else '待反馈'
    end as state_name,
    coalesce(discussed.meeting_count, 0) as meeting_count,
    counted.has_order_error,
    counted.batch_id,
    counted.row_number,
    build.as_of,
    build.calendar_version,
    build.rule_version
from counted
cross join limits
cross join build
left join discussed using (problem_id)
left join projects on projects.project_code = counted.project_code
