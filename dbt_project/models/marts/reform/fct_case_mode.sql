{{ config(indexes=[{'columns': ['project_code']}]) }}

with ledger as (
    {{ feed_union('case_modes', [
        ['source_department', 'text'], ['instance_code', 'text'], ['ledger_department', 'text'], ['mode_name', 'text'],
        ['due_on', 'date'], ['done_on', 'date'], ['result_name', 'text'], ['batch_id', 'bigint'], ['row_number', 'bigint']
    ]) }}
),

cases as not materialized (
    select * from {{ ref('fct_item_instance') }}
),

sent_cases as (
    select * from {{ ref('int_cases') }}
),

modes as (
    select
        mode_name,
        max(duty_name) as duty_name,
        bool_or(item_name is null) as is_for_every_item,
        array_agg(item_name) as item_names
    from {{ ref('approval_modes') }}
    group by mode_name
),

build as (
    select * from {{ ref('int_build') }}
),

-- what the departments say of their own cases; the ledger, where it has the same, knows more
tolerant as (
    select
        case_id,
        max(due_on) as due_on
    from (
        select case_id, null::date as due_on from cases
        where is_tolerant
        union all
        select case_id, tolerance_due_date from sent_cases
        where tolerance_due_date is not null
    ) as told_by_department
    group by case_id
),

own as (
    select
        case_id,
        '告知承诺' as mode_name,
        null::date as due_on
    from cases
    where is_commitment
    union all
    select
        case_id,
        '容缺',
        tolerant.due_on
    from tolerant
    inner join cases using (case_id)
),

told as (
    select
        source_department || ':' || instance_code as case_id,
        mode_name,
        ledger_department,
        due_on,
        done_on,
        result_name,
        batch_id,
        row_number
    from ledger
),

used as (
    select
        case_id,
        mode_name,
        told.ledger_department,
        own.case_id is not null as is_told_by_department,
        coalesce(told.due_on, own.due_on) as due_date,
        {{ known_date('told.done_on') }} as done_date,
        case when told.done_on <= {{ as_of() }} then told.result_name end as result_name,
        told.batch_id,
        told.row_number
    from told
    full join own using (case_id, mode_name)
)

select
    used.case_id || '/' || used.mode_name || coalesce('/' || used.ledger_department, '') as case_mode_id,
    used.case_id,
    used.mode_name,
    modes.mode_name is not null as is_known_mode,
    used.ledger_department,
    used.is_told_by_department,
    cases.case_id is not null as is_known_case,
    cases.department_id,
    cases.department_name,
    cases.project_code,
    cases.item_code,
    cases.item_name,
    coalesce(
        case
            when modes.mode_name = '告知承诺' then cases.allows_commitment
            else modes.is_for_every_item or cases.item_name = any(modes.item_names)
        end,
        false
    ) as is_applicable,
    cases.accepted_date,
    cases.accepted_month,
    cases.decided_date,
    cases.decided_month,
    cases.outcome,
    -- several ledgers may tell of one use: it counts once
    row_number() over (
        partition by used.case_id, used.mode_name order by used.due_date nulls last, used.ledger_department
    ) > 1 as is_repeated,
    modes.duty_name,
    used.due_date,
    used.done_date,
    used.result_name,
    case
        when used.due_date is null and used.done_date is null then null
        when used.done_date is null then case when used.due_date < build.as_of then '逾期未办' else '未到期' end
        when used.due_date is null then '已办（无期限）'
        when used.done_date <= used.due_date then '按期'
        else '逾期办理'
    end as duty_state_name,
    modes.duty_name is not null and used.due_date is null and used.done_date is null as is_duty_unknown,
    used.batch_id,
    used.row_number,
    build.as_of,
    build.calendar_version,
    build.rule_version
from used
cross join build
left join cases using (case_id)
left join modes using (mode_name)
