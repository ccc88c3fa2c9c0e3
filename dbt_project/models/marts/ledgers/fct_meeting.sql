with meetings as (
    {{ feed_union('meetings', [
        ['source_department', 'text'], ['meeting_code', 'text'], ['title', 'text'], ['chair_unit_name', 'text'],
        ['held_at', 'timestamp'], ['batch_id', 'bigint'], ['row_number', 'bigint']
    ]) }}
),

meeting_problems as (
    {{ feed_union('meeting_problems', [
        ['source_department', 'text'], ['meeting_code', 'text'], ['problem_code', 'text']
    ]) }}
),

problems as (
    select * from {{ ref('fct_problem') }}
),

build as (
    select * from {{ ref('int_build') }}
),

discussed as (
    select
        meeting_problems.source_department,
        meeting_problems.meeting_code,
        count(*)::integer as problem_count,
        (count(*) filter (where problems.is_solved))::integer as solved_problem_count,
        (count(*) filter (where problems.problem_id is null))::integer as unknown_problem_count
    from meeting_problems
    left join problems using (source_department, problem_code)
    group by meeting_problems.source_department, meeting_problems.meeting_code
)

select
    meetings.source_department || ':' || meetings.meeting_code as meeting_id,
    meetings.source_department,
    meetings.meeting_code,
    {{ mask_text('meetings.title') }} as title,
    meetings.chair_unit_name,
    meetings.held_at::date as held_date,
    date_trunc('month', meetings.held_at)::date as held_month,
    coalesce(discussed.problem_count, 0) as problem_count,
    coalesce(discussed.solved_problem_count, 0) as solved_problem_count,
    coalesce(discussed.unknown_problem_count, 0) as unknown_problem_count,
    meetings.batch_id,
    meetings.row_number,
    build.as_of,
    build.calendar_version,
    build.rule_version
from meetings
cross join build
left join discussed using (source_department, meeting_code)
where meetings.held_at::date <= {{ as_of() }} or meetings.held_at is null
