{{ config(materialized='view') }}

with warnings as (
    select * from {{ source('warning', 'warning') }}
),

messages as (
    select * from {{ source('warning', 'message') }}
),

answers as (
    select * from {{ source('warning', 'answer') }}
),

levels as (
    select * from {{ ref('warning_levels') }}
),

roles as (
    select * from {{ ref('warning_roles') }}
),

sendings as (
    select
        messages.warning_id,
        string_agg(roles.role_name, '、' order by messages.message_id) as receiver_roles,
        count(*)::integer as message_count,
        (count(*) filter (where messages.state in ('sent', 'merged')))::integer as sent_message_count,
        (count(*) filter (where messages.state = 'queued'))::integer as waiting_message_count,
        (count(*) filter (where messages.state in ('no_receiver', 'dead')))::integer as undelivered_message_count,
        min(messages.sent_at) as sent_at
    from messages
    left join roles using (role)
    group by messages.warning_id
),

last_answers as (
    select distinct on (answers.warning_id)
        answers.warning_id,
        answers.reason,
        answers.promised_date,
        answers.answered_at,
        roles.role_name as answered_role
    from answers
    inner join messages using (message_id)
    left join roles using (role)
    order by answers.warning_id, answers.answer_id desc
)

select
    warnings.warning_id,
    warnings.case_id,
    warnings.project_code,
    warnings.department_id,
    warnings.department_name,
    warnings.office_name,
    warnings.evaluated ->> 'instance_code' as instance_code,
    warnings.evaluated ->> 'item_code' as item_code,
    warnings.evaluated ->> 'item_name' as item_name,
    warnings.evaluated ->> 'project_name' as project_name,
    warnings.ladder,
    warnings.level,
    levels.level_name,
    warnings.rung as rung_number,
    warnings.raised_on,
    warnings.ended_on,
    (warnings.evaluated ->> 'due_date')::date as due_date,
    (warnings.evaluated ->> 'remaining_working_days')::integer as remaining_working_days,
    (warnings.evaluated ->> 'overdue_working_days')::integer as overdue_working_days,
    (warnings.evaluated ->> 'paused_days')::integer as paused_days,
    (warnings.evaluated ->> 'planned_days')::integer as planned_pause_days,
    warnings.evaluated ->> 'planned_unit' as pause_unit,
    (warnings.evaluated ->> 'idle_calendar_days')::integer as idle_calendar_days,
    sendings.receiver_roles,
    coalesce(sendings.message_count, 0) as message_count,
    coalesce(sendings.sent_message_count, 0) as sent_message_count,
    coalesce(sendings.waiting_message_count, 0) as waiting_message_count,
    coalesce(sendings.undelivered_message_count, 0) as undelivered_message_count,
    sendings.sent_at at time zone 'Asia/Shanghai' as sent_at,
    last_answers.answered_at at time zone 'Asia/Shanghai' as answered_at,
    last_answers.answered_role,
    {{ mask_text('last_answers.reason') }} as answer_reason,
    last_answers.promised_date,
    last_answers.warning_id is not null as is_answered,
    warnings.ended_on is null as is_standing,
    warnings.raised_on as as_of,
    warnings.evaluated ->> 'calendar_version' as calendar_version,
    warnings.evaluated ->> 'rule_version' as rule_version
from warnings
left join levels using (level)
left join sendings using (warning_id)
left join last_answers using (warning_id)
