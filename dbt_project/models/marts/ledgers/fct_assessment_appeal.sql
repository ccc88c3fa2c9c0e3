with appeals as (
    {{ feed_union('assessment_appeals', [
        ['source_department', 'text'], ['appeal_code', 'text'], ['department_name', 'text'], ['period_grain', 'text'],
        ['period_start', 'date'], ['indicator_name', 'text'], ['filed_at', 'timestamp'], ['decided_at', 'timestamp'],
        ['result_name', 'text'], ['batch_id', 'bigint'], ['row_number', 'bigint']
    ]) }}
),

scheme as (
    select * from {{ ref('assessment_indicators') }}
),

departments as (
    select * from {{ ref('int_departments') }}
),

calendar as (
    select * from {{ ref('int_calendar') }}
),

build as (
    select * from {{ ref('int_build') }}
),

as_known as (
    select
        appeals.*,
        filed_at::date as filed_date,
        {{ known_date('decided_at') }} as decided_date,
        {{ assessment_period_end('period_grain', 'period_start') }} as period_end
    from appeals
    where filed_at::date <= {{ as_of() }} or filed_at is null
)

select
    as_known.source_department || ':' || as_known.appeal_code as appeal_id,
    as_known.source_department,
    as_known.appeal_code,
    departments.department_id,
    coalesce(departments.department_name, as_known.department_name) as department_name,
    as_known.period_grain,
    as_known.period_start,
    as_known.period_end,
    as_known.indicator_name,
    scheme.metric,
    as_known.filed_date,
    filed_day.working_day_number - last_day.working_day_number as filed_working_days,
    as_known.filed_date > as_known.period_end
    and filed_day.working_day_number - last_day.working_day_number <= {{ var('assessment_appeal_working_days') }} as is_in_time,
    as_known.decided_date,
    as_known.decided_date is not null as is_decided,
    case when as_known.decided_date is not null then as_known.result_name end as result_name,
    as_known.batch_id,
    as_known.row_number,
    build.as_of,
    build.calendar_version,
    build.rule_version
from as_known
cross join build
{{ join_named_department('as_known.department_name') }}
left join scheme
    on scheme.period_grain = as_known.period_grain
    and scheme.indicator_name = as_known.indicator_name
left join calendar as filed_day on filed_day.date_day = as_known.filed_date
left join calendar as last_day on last_day.date_day = as_known.period_end
