{{ config(
    materialized='incremental',
    incremental_strategy='add_counts',
    meta={'counts': [
        'case_count', 'decided_count', 'zero_day_count', 'closed_day_count', 'withdrawn_count', 'entry_count',
        'correction_event_count', 'outside_hours_count', 'accepted_decision_count', 'unstarted_decision_count'
    ]}
) }}

with instances as (
    {{ signed_rows('int_item_instances', 'case_id') }}
),

entries as (
    {{ signed_rows('int_case_entries', 'case_id') }}
),

noted as (
    select
        instances.sign,
        instances.source_department,
        coalesce(instances.office_name, '未填科室') as office_name,
        case when instances.is_decided then entries.terminal_opinion end as terminal_opinion,
        instances.is_decided,
        instances.is_decided and instances.promised_limit >= 1 as is_decided_with_promise,
        instances.is_withdrawn,
        instances.elapsed_working_days = 0 as took_no_day,
        instances.clock_flags like '%ACCEPTED_NONWORKING%' as is_accepted_on_closed_day,
        coalesce(entries.entry_count, 0) as entry_count,
        coalesce(entries.correction_event_count, 0) as correction_event_count,
        coalesce(entries.outside_hours_count, 0) as outside_hours_count,
        entries.accepted_at is not null as has_acceptance,
        entries.department_start_count = 0 as lacks_start
    from instances
    left join entries using (case_id, sign)
)

select
    source_department,
    office_name,
    terminal_opinion,
    sum(sign) as case_count,
    coalesce(sum(sign) filter (where is_decided_with_promise), 0) as decided_count,
    coalesce(sum(sign) filter (where is_decided_with_promise and took_no_day), 0) as zero_day_count,
    coalesce(sum(sign) filter (where is_accepted_on_closed_day), 0) as closed_day_count,
    coalesce(sum(sign) filter (where is_withdrawn), 0) as withdrawn_count,
    sum(sign * entry_count) as entry_count,
    sum(sign * correction_event_count) as correction_event_count,
    sum(sign * outside_hours_count) as outside_hours_count,
    coalesce(sum(sign) filter (where is_decided and has_acceptance), 0) as accepted_decision_count,
    coalesce(sum(sign) filter (where is_decided and has_acceptance and lacks_start), 0) as unstarted_decision_count
from noted
group by source_department, office_name, terminal_opinion
