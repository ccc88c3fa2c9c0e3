{#- Rows of the status log that no case can count: each is kept in raw, and named here. -#}

with events as (
    select * from {{ ref('int_events') }}
    where event_number is null
),

cases as (
    select * from {{ ref('int_cases') }}
),

status_codes as (
    select * from {{ ref('status_codes') }}
),

unclear_cases as (
    select distinct case_id
    from events
    where event_at is null or event_kind is null
),

-- what the sender wrote: an event keeps only what it means
sent as (
    {{ spgl('spgl_xmspsxblxxxxb', ['blzt', 'blsj'], 'unclear_cases') }}
),

judged as (
    select
        events.*,
        cases.project_code,
        sent.blzt as status_code,
        sent.blsj as event_at_raw,
        status_codes.status_name,
        events.event_at < timestamp '2000-01-01' or events.event_at >= timestamp '9000-01-01' as has_stand_in_date
    from events
    left join cases using (case_id)
    left join sent
        on sent.source_department = events.source_department
        and sent.batch_id = events.batch_id
        and sent.row_number = events.row_number
    left join status_codes on status_codes.status_code = {{ to_integer('sent.blzt') }}
    where events.event_at is null
        or events.event_kind is null
        or not events.is_known_case
        or events.event_at < timestamp '2000-01-01'
        or events.event_at >= timestamp '9000-01-01'
)

select source_department, 'event_time_unreadable' as rule, case_id,
    '状态 ' || coalesce(event_kind, status_code, '未知') || ' 的时间' || coalesce('“' || event_at_raw || '”', '') || '无法识别' as detail,
    project_code, batch_id, row_number
from judged
where event_at is null
union all
select source_department, 'unknown_status', case_id, event_at || ' 的状态码' || coalesce('“' || status_code || '”', '') || '不在字典中',
    project_code, batch_id, row_number
from judged
where event_kind is null and event_at is not null and status_name is null
union all
select source_department, 'uncounted_status', case_id, event_at || ' 的状态 ' || status_code || ' ' || status_name, project_code, batch_id, row_number
from judged
where event_kind is null and event_at is not null and status_name is not null
union all
select source_department, 'orphan_event', case_id, '没有办件，只有 ' || coalesce(event_kind, '未知状态') || ' 一条记录', project_code, batch_id, row_number
from judged
where not is_known_case
union all
select source_department, 'stand_in_date', case_id, event_at::date || ' 是占位日期', project_code, batch_id, row_number
from judged
where has_stand_in_date
