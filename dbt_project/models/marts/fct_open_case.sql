with calendar as (
    select * from {{ ref('int_calendar') }}
),

cases as (
    select * from {{ ref('fct_item_instance') }}
    where is_open
),

projects as (
    select * from {{ ref('fct_project_lifecycle') }}
),

open_pauses as (
    select * from {{ ref('fct_item_pause') }}
    where is_open
),

doubts as (
    select * from {{ ref('int_case_doubts') }}
),

-- of pauses that are open together, the one that began first
paused as (
    select distinct on (case_id)
        case_id,
        reason_name,
        responsible_party,
        started_date
    from open_pauses
    order by case_id, started_date, pause_number
)

select
    cases.case_id,
    cases.instance_code,
    cases.department_id,
    cases.department_name,
    coalesce(cases.office_name, '未标明') as office_name,
    cases.item_code,
    cases.item_name,
    cases.stage_name,
    cases.flow_type_name,
    cases.project_code,
    projects.project_name,
    projects.region_code,
    projects.street,
    coalesce(projects.is_major, false) as is_major,
    cases.received_date,
    cases.accepted_date,
    cases.due_date,
    cases.due_month,
    cases.promised_limit,
    cases.limit_unit,
    cases.elapsed_working_days,
    cases.gross_working_days,
    cases.excluded_working_days,
    cases.remaining_working_days,
    case
        when cases.alert_state = 'paused' then 6
        when cases.due_date is null then 7
        when cases.is_overdue then 1
        when cases.due_date <= cases.as_of then 2
        when cases.due_date <= cases.as_of + (7 - extract(isodow from cases.as_of))::integer then 3
        when cases.due_date <= cases.as_of + (14 - extract(isodow from cases.as_of))::integer then 4
        else 5
    end as due_order,
    cases.is_open,
    cases.is_overdue,
    cases.is_statutory_overdue,
    cases.alert_state,
    -- not accepted yet, without a promise or in a unit that no clock counts: nobody can say that it is in time
    case
        when cases.alert_state = 'none' and cases.remaining_working_days is null then '无时限'
        else cases.alert_name
    end as alert_name,
    paused.reason_name as pause_reason,
    paused.responsible_party as paused_by,
    paused.started_date as paused_since,
    until.working_day_number - since.working_day_number as paused_working_days,
    coalesce(doubts.is_finish_withheld, false) as is_finish_withheld,
    case when doubts.is_finish_withheld then doubts.suspected_finish_date end as suspected_finish_date,
    cases.batch_id,
    cases.as_of,
    cases.calendar_version,
    cases.rule_version
from cases
left join projects using (project_code)
left join paused using (case_id)
left join doubts using (case_id)
left join calendar as since on since.date_day = paused.started_date
left join calendar as until on until.date_day = cases.as_of
