with civil_defence_cases as (
    select * from {{ ref('stg_renfang__civil_defence_cases') }}
),

-- a day typed without its time cannot be ordered against a moment of the same day: the steps' own order decides
events as (
    select
        civil_defence_cases.instance_code,
        step.recorded_at,
        civil_defence_cases.office_name,
        civil_defence_cases.batch_id,
        civil_defence_cases.row_number,
        step.event_kind,
        step.event_at::date::timestamp as event_at,
        step.source_order
    from civil_defence_cases
    cross join lateral (
        values
        ('received', received_at, received_recorded_at, 1),
        ('correction_requested', correction_requested_at, correction_requested_recorded_at,
            {{ same_day_correction_order('correction_requested_at', 'correction_received_at', 'accepted_at') }}),
        ('correction_received', correction_received_at, correction_received_recorded_at, 3),
        ('accepted', accepted_at, accepted_recorded_at, 4),
        (case result when '同意' then 'decided_pass' when '不同意' then 'decided_deny' when '撤回' then 'withdrawn' end,
            decided_at, decided_recorded_at, 9)
    ) as step (event_kind, event_at, recorded_at, source_order)
    where step.event_at is not null
)

select
    'renfang' as source_department,
    instance_code,
    event_kind,
    event_at,
    source_order,
    recorded_at,
    null as reason_code,
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
