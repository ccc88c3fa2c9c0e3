with eia_cases as (
    select * from {{ ref('stg_shengtai__eia_cases') }}
),

events as (
    select
        eia_cases.instance_code,
        step.recorded_at,
        eia_cases.office_name,
        eia_cases.batch_id,
        eia_cases.row_number,
        step.event_kind,
        step.event_at,
        step.source_order,
        step.reason_code
    from eia_cases
    cross join lateral (
        values
        ('received', received_at, received_recorded_at, 1, null),
        ('correction_requested', correction_requested_at, correction_requested_recorded_at,
            {{ same_day_correction_order('correction_requested_at', 'correction_received_at', 'accepted_at') }}, null),
        ('correction_received', correction_received_at, correction_received_recorded_at, 3, null),
        ('accepted', accepted_at, accepted_recorded_at, 4, null),
        ('special_start', review_started_at, review_started_recorded_at, 6, '2'),
        ('special_end', review_ended_at, review_ended_recorded_at, 7, '2'),
        ('special_start', publicity_started_at, publicity_started_recorded_at, 6, '5'),
        ('special_end', publicity_ended_at, publicity_ended_recorded_at, 7, '5'),
        (case result when '同意' then 'decided_pass' when '不同意' then 'decided_deny' when '撤回' then 'withdrawn' end,
            decided_at, decided_recorded_at, 9, null)
    ) as step (event_kind, event_at, recorded_at, source_order, reason_code)
    where step.event_at is not null
)

select
    'shengtai' as source_department,
    instance_code,
    event_kind,
    event_at,
    source_order,
    recorded_at,
    reason_code,
    null as procedure_name,
    null as responsible_party,
    null as extension_days,
    null as extension_unit,
    null as document_number,
    office_name,
    null as opinion,
    batch_id,
    row_number
from events
