with permits as (
    select * from {{ ref('stg_shuiwu__permits') }}
),

entries as (
    select
        permits.instance_code,
        permits.batch_id,
        permits.row_number,
        entry ->> 'step' as step,
        entry ->> 'result' as result,
        entry ->> 'office' as office_name,
        {{ to_integer("entry ->> 'seq'") }} as source_order,
        {{ to_timestamp("entry ->> 'time'") }} as event_at,
        {{ to_timestamp("entry ->> 'entered'") }} as recorded_at
    from permits
    cross join lateral jsonb_array_elements(permits.log) as entry
)

select
    'shuiwu' as source_department,
    instance_code,
    case step
        when '收件' then 'received'
        when '受理' then 'accepted'
        when '补正告知' then 'correction_requested'
        when '补正收到' then 'correction_received'
        when '专家评审开始' then 'special_start'
        when '专家评审结束' then 'special_end'
        when '办结' then case result when '准予' then 'decided_pass' when '不予' then 'decided_deny' end
        when '退件' then 'not_accepted'
        when '撤回' then 'withdrawn'
    end as event_kind,
    event_at,
    source_order,
    recorded_at,
    case when step in ('专家评审开始', '专家评审结束') then '2' end as reason_code,
    null as procedure_name,
    null as responsible_party,
    null as extension_days,
    null as extension_unit,
    null as document_number,
    office_name,
    null as opinion,
    batch_id,
    row_number
from entries
