{#- Doubt is data: every row that was repaired, left out or contradicts itself, with where it came from. -#}

with cases as (
    select * from {{ ref('int_cases') }}
),

instances as (
    select * from {{ ref('fct_item_instance') }}
),

events as (
    select * from {{ ref('int_case_events_unioned') }}
),

projects as (
    select * from {{ ref('int_projects') }}
),

registered as (
    select * from {{ ref('int_project_registrations') }}
    where is_current
),

works as (
    select * from {{ ref('int_works') }}
),

flags as (
    select
        instances.source_department,
        instances.case_id,
        instances.batch_id,
        cases.row_number,
        flag
    from instances
    inner join cases using (case_id)
    cross join lateral string_to_table(instances.clock_flags, '|') as flag
),

event_cases as (
    select
        events.*,
        events.source_department || ':' || events.instance_code as case_id,
        cases.case_id as known_case_id
    from events
    left join cases using (source_department, instance_code)
),

issues as (
    select source_department as department, 'unmatched_case' as rule, 'warn' as severity, 'case' as entity,
        case_id as business_key,
        'project code ' || coalesce(given_project_code, 'missing') || ', works code ' || coalesce(works_code, 'missing') as detail,
        batch_id, row_number
    from cases
    where project_code is null

    union all
    select source_department, 'unknown_item', 'warn', 'case', case_id, coalesce(item_code, item_name, 'no item given'), batch_id, null
    from instances
    where stage_number is null

    union all
    select source_department, 'limit_missing', 'warn', 'case', case_id, 'no promised limit on the case or in the catalogue', batch_id, null
    from instances
    where promised_limit is null

    union all
    select source_department, 'promise_above_statute', 'warn', 'case', case_id,
        'promised ' || promised_limit || ', statutory ' || statutory_limit, batch_id, null
    from instances
    where promised_limit > statutory_limit and limit_unit = statutory_unit

    union all
    select source_department, lower(flag), case when flag = 'ORDER_ERROR' then 'fail' else 'warn' end, 'case', case_id,
        'see clock_flags', batch_id, row_number
    from flags
    where flag in (
        'ORDER_ERROR', 'NO_ACCEPTANCE', 'CAL_UNAVAILABLE', 'DUE_BEYOND_CALENDAR', 'UNCLOSED_ON_DECIDED', 'ORPHAN_END',
        'DUP_START', 'DUP_ACCEPT', 'EVENT_AFTER_DECISION', 'DECIDED_WHILE_SUSPENDED', 'LATE_CORRECTION',
        'LIMIT_UNIT_UNSUPPORTED', 'STAT_LIMIT_UNIT_UNSUPPORTED', 'EXTENSION_TOO_LATE', 'EXTENSION_UNCLEAR',
        'EXTENSION_UNDOCUMENTED'
    )

    union all
    select cases.source_department, 'case_without_events', 'warn', 'case', cases.case_id, 'no status of it is known',
        cases.batch_id, cases.row_number
    from cases
    where not exists (select 1 from event_cases where event_cases.known_case_id = cases.case_id)

    union all
    select source_department, 'event_time_unreadable', 'fail', 'event', case_id, coalesce(event_kind, 'status unknown'), batch_id, row_number
    from event_cases
    where event_at is null

    union all
    select source_department, 'unknown_status', 'warn', 'event', case_id, event_at::text, batch_id, row_number
    from event_cases
    where event_kind is null and event_at is not null

    union all
    select source_department, 'orphan_event', 'warn', 'event', case_id, event_kind, batch_id, row_number
    from event_cases
    where known_case_id is null

    union all
    -- 1970-01-01 and the like are written where a date is required and none is known
    select source_department, 'stand_in_date', 'warn', 'event', case_id, event_at::date::text, batch_id, row_number
    from event_cases
    where event_at < timestamp '2000-01-01' or event_at >= timestamp '9000-01-01'

    union all
    select source_department, 'stand_in_date', 'warn', 'project', project_code, registered_at::date::text, batch_id, row_number
    from registered
    where registered_at < timestamp '2000-01-01' or established_at < timestamp '2000-01-01'

    union all
    select source_department, 'check_digit_wrong', 'warn', 'project', project_code, 'the last digit does not fit the code', batch_id, row_number
    from projects
    where not has_valid_check_digit and not {{ has_old_code_format('project_code') }}

    union all
    select registered.source_department, 'registered_twice', 'warn', 'project', registered.project_code,
        'this row was set aside for a newer one', registered.batch_id, registered.row_number
    from registered
    inner join projects using (project_code)
    where (registered.source_department, registered.batch_id, registered.row_number)
        is distinct from (projects.source_department, projects.batch_id, projects.row_number)

    union all
    -- once, months ahead: next year's notice appears in October or November
    select null, 'calendar_ends', 'warn', 'calendar', calendar_end.last_day::text,
        open_beyond.case_count || ' open cases are due after the last loaded day, or not countable at all; load the next notice: yidang calendar load',
        null, null
    from (select max(date_day) as last_day from {{ ref('int_calendar') }}) as calendar_end
    cross join (
        select count(*) as case_count
        from instances
        where is_open and clock_flags ~ 'CAL_UNAVAILABLE|DUE_BEYOND_CALENDAR'
    ) as open_beyond
    where open_beyond.case_count > 0
        or calendar_end.last_day - {{ as_of() }} <= {{ var('calendar_warning_days') }}

    union all
    select works.source_department, 'unmatched_works', 'warn', 'works', works.works_code,
        'project code ' || coalesce(works.given_project_code, 'missing'), works.batch_id, works.row_number
    from works
    where not exists (select 1 from projects where projects.project_code = works.project_code)
)

select
    md5(concat_ws('|', department, rule, entity, business_key, detail, batch_id, row_number)) as issue_id,
    department,
    rule,
    severity,
    entity,
    business_key,
    detail,
    batch_id,
    row_number,
    {{ as_of() }} as as_of
from issues
