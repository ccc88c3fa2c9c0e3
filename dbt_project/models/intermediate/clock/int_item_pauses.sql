{{ config(
    materialized='incremental',
    incremental_strategy='replace_changed',
    unique_key='case_id',
    indexes=[{'columns': ['case_id', 'pause_number'], 'unique': true}, {'columns': ['project_code']}]
) }}

with pauses as (
    select * from {{ ref('int_case_pauses') }}
    where {{ only_changed('case_id') }}
),

cases as (
    select * from {{ ref('int_cases') }}
),

code_lists as (
    select * from {{ ref('code_lists') }}
),

calendar as (
    select * from {{ ref('int_calendar') }}
)

select
    pauses.case_id,
    (row_number() over (partition by pauses.case_id order by pauses.event_number))::integer as pause_number,
    cases.source_department,
    cases.project_code,
    cases.item_code,
    pauses.pause_kind,
    pauses.reason_code,
    -- 其他 says nothing where the sender gave it a name
    case when pauses.reason_code = '8' then coalesce(pauses.procedure_name, reasons.name) else reasons.name end as reason_name,
    pauses.responsible_party,
    pauses.started_date,
    pauses.ended_date,
    pauses.event_number::integer as start_event_number,
    pauses.next_number::integer as end_event_number,
    lower(pauses.excluded_days) as first_excluded_date,
    upper(pauses.excluded_days) - 1 as last_excluded_date,
    case
        when isempty(pauses.excluded_days) then 0
        else last_excluded.working_day_number - day_before.working_day_number
    end as excluded_working_days,
    pauses.stops_promise,
    pauses.stops_statute,
    pauses.local_rule_basis,
    pauses.is_open,
    pauses.is_unclosed_on_decided,
    pauses.is_closed_after_decision,
    coalesce(pauses.began_before_acceptance, false) as began_before_acceptance,
    cases.own_as_of
from pauses
inner join cases using (case_id)
left join code_lists as reasons
    on reasons.code_list = 'special_procedure'
    and reasons.code = pauses.reason_code
    and pauses.pause_kind = 'special'
left join calendar as day_before on day_before.date_day = lower(pauses.excluded_days) - 1
left join calendar as last_excluded on last_excluded.date_day = upper(pauses.excluded_days) - 1
