{{ config(
    materialized='incremental',
    incremental_strategy='replace_changed',
    unique_key='case_id',
    meta={'keeps_former': 'int_changed_cases'},
    indexes=[{'columns': ['case_id'], 'unique': true}, {'columns': ['project_code']}]
) }}

{#-
  Sets of working days (macros/workdays.sql). (accepted, end] is the case's run; what its pauses leave of it is when the
  department was at work.
-#}

with cases as (
    select
        *,
        {{ case_as_of('instances') }} as as_of
    from {{ ref('int_item_instances') }} as instances
    where {{ only_changed('case_id') }}
),

pauses as (
    select * from {{ ref('int_case_pauses') }}
    where stops_promise and excluded_days is not null
),

calendar as (
    select * from {{ ref('int_calendar') }}
),

-- withdrawn cases are out of every time of a stage or project, as they are out of the averages (rules B2)
running as (
    select
        cases.case_id,
        cases.project_code,
        cases.works_code,
        cases.stage_number,
        -- no works of its own: the case is for the whole project
        cases.works_code = cases.project_code as is_project_wide,
        cases.outcome,
        cases.clock_start_date as start_date,
        end_day.date_day as end_date,
        cases.elapsed_working_days,
        start_day.working_day_number as start_number,
        end_day.working_day_number as end_number
    from cases
    inner join calendar as start_day on start_day.date_day = cases.clock_start_date
    inner join calendar as end_day on end_day.date_day = coalesce(cases.closed_date, cases.as_of)
    where cases.outcome in ('passed', 'denied', 'open')
        and cases.project_code is not null
        and end_day.date_day >= start_day.date_day
),

clipped_pauses as (
    select
        running.case_id,
        pauses.responsible_party,
        pauses.excluded_days * daterange(running.start_date + 1, running.end_date + 1) as excluded_days
    from running
    inner join pauses using (case_id)
),

merged_pauses as (
    select
        clipped_pauses.case_id,
        range_agg({{ workdays_between('day_before.working_day_number', 'last_day.working_day_number') }}) as workdays,
        {%- for party in responsible_parties() %}
        range_agg({{ workdays_between('day_before.working_day_number', 'last_day.working_day_number') }})
            filter (where clipped_pauses.responsible_party = '{{ party.name }}') as {{ party.id }}_pause_workdays
        {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from clipped_pauses
    inner join calendar as day_before on day_before.date_day = lower(clipped_pauses.excluded_days) - 1
    inner join calendar as last_day on last_day.date_day = upper(clipped_pauses.excluded_days) - 1
    group by clipped_pauses.case_id
)

select
    running.*,
    int4multirange({{ workdays_between('running.start_number', 'running.end_number') }}) as run_workdays,
    int4multirange({{ workdays_between('running.start_number', 'running.end_number') }})
    - coalesce(merged_pauses.workdays, '{}'::int4multirange) as active_workdays,
    {%- for party in responsible_parties() %}
    merged_pauses.{{ party.id }}_pause_workdays
    {%- if not loop.last %},{% endif %}
    {%- endfor %}
from running
left join merged_pauses using (case_id)
