with approvals as (
    select * from {{ ref('stg_fagai__approvals') }}
),

-- source_order is the order of the steps themselves: the API gives moments, no sequence. Its time of entry is that of
-- the case, so it dates the receipt and says nothing of later steps
events as (
    select instance_code, batch_id, row_number, recorded_at, 'received' as event_kind, received_at as event_at,
        1 as source_order, null as reason_code
    from approvals
    where received_at is not null
    union all
    select instance_code, batch_id, row_number, null, 'accepted', accepted_at, 4, null
    from approvals
    where accepted_at is not null
    union all
    select instance_code, batch_id, row_number, null, 'correction_requested', {{ to_timestamp("correction ->> 'asked_at'") }}, 2, null
    from approvals
    cross join lateral jsonb_array_elements(corrections) as correction
    union all
    select instance_code, batch_id, row_number, null, 'correction_received', {{ to_timestamp("correction ->> 'answered_at'") }}, 3, null
    from approvals
    cross join lateral jsonb_array_elements(corrections) as correction
    where correction ->> 'answered_at' is not null
    union all
    select instance_code, batch_id, row_number, null, 'special_start', {{ to_timestamp("review ->> 'started_at'") }}, 5, '2'
    from approvals
    cross join lateral jsonb_array_elements(reviews) as review
    union all
    select instance_code, batch_id, row_number, null, 'special_end', {{ to_timestamp("review ->> 'ended_at'") }}, 6, '2'
    from approvals
    cross join lateral jsonb_array_elements(reviews) as review
    where review ->> 'ended_at' is not null
    union all
    select
        instance_code,
        batch_id,
        row_number,
        null,
        case result when '同意' then 'decided_pass' when '不同意' then 'decided_deny' when '撤回' then 'withdrawn' end,
        decided_at,
        9,
        null
    from approvals
    where decided_at is not null
)

select
    'fagai' as source_department,
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
    null as office_name,
    null as opinion,
    batch_id,
    row_number
from events
