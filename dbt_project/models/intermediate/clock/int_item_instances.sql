{{ config(
    materialized='incremental',
    incremental_strategy='replace_changed',
    unique_key='case_id',
    meta={'keeps_former': 'int_changed_cases'},
    indexes=[{'columns': ['case_id'], 'unique': true}, {'columns': ['project_code']}]
) }}

{%- set policy = clock_policy() -%}

-- the rows of these are replaced; depends_on: {{ ref('int_changed_cases') }}
with cases as (
    select * from {{ ref('int_cases') }}
),

-- of changed cases alone, and so is what is joined to it: told twice, the planner would expect a single row and loop
acceptances as (
    select * from {{ ref('int_case_acceptances') }}
),

limits as (
    select * from {{ ref('int_case_limits') }}
),

clocks as (
    select * from {{ ref('int_case_clocks') }}
),

flags as (
    select * from {{ ref('int_case_flags') }}
),

pauses as (
    select * from {{ ref('int_case_pauses') }}
),

departments as (
    select * from {{ ref('int_departments') }}
),

code_lists as (
    select * from {{ ref('code_lists') }}
),

calendar as (
    select * from {{ ref('int_calendar') }}
),

-- corrections are counted on their own
pause_counts as (
    select
        case_id,
        (count(*) filter (where pause_kind != 'correction'))::integer as pause_count
    from pauses
    group by case_id
),

measured as (
    select
        cases.*,
        acceptances.received_date,
        acceptances.accepted_date,
        acceptances.outcome,
        acceptances.last_event_at,
        acceptances.has_order_error,
        acceptances.correction_count::integer as correction_count,
        case when acceptances.outcome in ('passed', 'denied') then acceptances.terminal_date end as decided_date,
        acceptances.terminal_date as closed_date,
        limits.item_version,
        limits.item_name,
        limits.stage_number,
        limits.promised_limit,
        limits.promised_unit,
        limits.statutory_limit,
        limits.statutory_unit,
        case when clocks.is_in_calendar then clocks.start_date end as clock_start_date,
        clocks.due_date,
        clocks.statutory_due_date,
        clocks.statutory_due_date_without_extension,
        clocks.is_statutory_overdue_without_extension,
        coalesce(clocks.extension_days, 0) as extension_days,
        clocks.gross_working_days,
        clocks.excluded_working_days,
        clocks.elapsed_working_days,
        clocks.promise_elapsed_in_unit,
        clocks.statutory_excluded_working_days,
        clocks.statutory_elapsed_working_days,
        clocks.span_calendar_days,
        clocks.remaining_working_days,
        clocks.is_overdue,
        clocks.is_statutory_overdue,
        flags.clock_flags,
        flags.has_open_pause,
        coalesce(pause_counts.pause_count, 0) as pause_count,
        pause_counts.case_id is not null as has_pause,
        acceptances.office_name,
        case when acceptances.outcome = 'not_accepted' then acceptances.terminal_kind end as refusal_kind,
        acceptances.terminal_kind is not distinct from 'decided_pass_tolerant' as is_tolerant,
        limits.item_kind,
        limits.allows_commitment,
        -- the answer to the papers: their acceptance, or the refusal to accept them
        answered_day.working_day_number - received_day.working_day_number as acceptance_wait_working_days,
        acceptances.outcome = 'open' as is_open,
        acceptances.outcome in ('passed', 'denied') as is_decided,
        acceptances.outcome = 'withdrawn' as is_withdrawn,
        {% if policy.warn_window == 'fixed' -%}
        2 as warn_window_days
        {%- else -%}
        -- the last fifth of the promise, at least 1 day and at most 5; a promise under 3 days warns on the due day
        case when limits.promised_limit < 3 then 0 else least(5, greatest(1, limits.promised_limit / 5)) end
            as warn_window_days
        {%- endif %}
    from cases
    inner join acceptances using (case_id)
    inner join limits using (case_id)
    inner join flags using (case_id)
    left join clocks using (case_id)
    left join pause_counts using (case_id)
    left join calendar as received_day on received_day.date_day = acceptances.received_date
    left join calendar as answered_day
        on answered_day.date_day = coalesce(
            acceptances.accepted_date,
            case when acceptances.outcome = 'not_accepted' then acceptances.terminal_date end
        )
        and answered_day.date_day >= acceptances.received_date
)

select
    measured.case_id,
    measured.source_department,
    measured.department_id,
    coalesce(departments.department_name, measured.handling_department_name) as department_name,
    measured.instance_code,
    measured.project_code,
    measured.works_code,
    measured.match_tier,
    measured.item_code,
    measured.item_version,
    measured.item_name,
    measured.item_kind,
    measured.office_name,
    measured.stage_number,
    stages.name as stage_name,
    measured.flow_type_code as flow_type,
    flow_types.name as flow_type_name,
    measured.parallel_group_code,
    channels.name as channel_name,
    measured.statutory_limit,
    measured.promised_limit,
    measured.promised_unit as limit_unit,
    measured.statutory_unit,
    measured.received_date,
    measured.accepted_date,
    measured.decided_date,
    measured.closed_date,
    measured.clock_start_date,
    measured.due_date,
    measured.statutory_due_date,
    measured.statutory_due_date_without_extension,
    measured.extension_days,
    measured.outcome,
    measured.refusal_kind,
    measured.acceptance_wait_working_days,
    measured.gross_working_days,
    measured.excluded_working_days,
    measured.elapsed_working_days,
    measured.statutory_excluded_working_days,
    measured.statutory_elapsed_working_days,
    measured.span_calendar_days,
    case when is_open then remaining_working_days end as remaining_working_days,
    measured.correction_count,
    measured.pause_count,
    measured.is_open,
    measured.is_decided,
    measured.is_withdrawn,
    measured.has_order_error,
    measured.has_pause,
    measured.is_tolerant,
    measured.is_commitment,
    measured.allows_commitment,
    measured.promised_limit = 0 as is_on_the_spot,
    -- 1 window, 2 to 4 applied for over the net, 5 other ways; a code that means nothing says nothing
    case
        when measured.channel_code in ('2', '3', '4') then true
        when measured.channel_code in ('1', '5') then false
    end as is_online,
    -- a late case is not on time whether it was decided or not; one that is neither late nor decided is not judged yet
    case when is_decided or is_overdue then not is_overdue end as is_on_time,
    coalesce(is_overdue, false) as is_overdue,
    coalesce(is_statutory_overdue, false) as is_statutory_overdue,
    coalesce(is_statutory_overdue_without_extension, false) as is_statutory_overdue_without_extension,
    -- not withdrawn in time; an open one once it is late: while its clock is stopped, or on the closed days after its
    -- last one (rules A3.9), it can still be decided in time
    {%- for prefix, suffix in [('', ''), ('statutory_', ''), ('statutory_', '_without_extension')] %}
    {%- set is_late = 'is_' ~ prefix ~ 'overdue' ~ suffix %}
    case when is_open or is_withdrawn then coalesce({{ is_late }}, false) else true end as counts_when_{{ prefix }}due{{ suffix }},
    {%- endfor %}
    case
        when is_overdue then 'late'
        when is_withdrawn or is_overdue is null then null
        when is_decided and promise_elapsed_in_unit < promised_limit then 'ahead'
        else 'normal'
    end as pace_state,
    case
        when is_overdue then 'overdue'
        when is_open and has_open_pause then 'paused'
        when is_open and remaining_working_days <= warn_window_days then 'warn'
        else 'none'
    end as alert_state,
    measured.clock_flags,
    date_trunc('month', received_date)::date as received_month,
    date_trunc('month', accepted_date)::date as accepted_month,
    date_trunc('month', decided_date)::date as decided_month,
    date_trunc('month', closed_date)::date as closed_month,
    date_trunc('month', due_date)::date as due_month,
    date_trunc('month', statutory_due_date)::date as statutory_due_month,
    date_trunc('month', statutory_due_date_without_extension)::date as statutory_due_month_without_extension,
    measured.certificate_number,
    measured.last_event_at,
    measured.own_as_of,
    measured.batch_id,
    measured.row_number
from measured
left join departments using (department_id)
left join code_lists as stages
    on stages.code_list = 'stage'
    and stages.code = measured.stage_number::text
left join code_lists as flow_types
    on flow_types.code_list = 'flow_type'
    and flow_types.code = measured.flow_type_code
left join code_lists as channels
    on channels.code_list = 'channel'
    and channels.code = measured.channel_code
