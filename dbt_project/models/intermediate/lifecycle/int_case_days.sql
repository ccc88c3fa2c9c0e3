{{ config(indexes=[{'columns': ['case_id'], 'unique': true}, {'columns': ['project_code']}]) }}

{#- Day sets: (accepted, end] is the case's run; what its pauses leave of it is when the department was at work. -#}

with cases as (
    select * from {{ ref('int_cases') }}
),

acceptances as (
    select * from {{ ref('int_case_acceptances') }}
),

limits as (
    select * from {{ ref('int_case_limits') }}
),

clocks as (
    select * from {{ ref('int_case_clocks') }}
),

pauses as (
    select * from {{ ref('int_case_pauses') }}
),

merged_pauses as (
    select
        case_id,
        range_agg(excluded_days) as excluded_days
    from pauses
    where stops_promise and excluded_days is not null
    group by case_id
)

select
    cases.case_id,
    cases.project_code,
    cases.works_code,
    limits.stage_number,
    -- no works of its own: the case is for the whole project
    cases.works_code = cases.project_code as is_project_wide,
    acceptances.outcome,
    clocks.start_date,
    clocks.end_date,
    clocks.elapsed_working_days,
    datemultirange(daterange(clocks.start_date + 1, clocks.end_date + 1)) as run_days,
    datemultirange(daterange(clocks.start_date + 1, clocks.end_date + 1))
    - coalesce(merged_pauses.excluded_days, '{}'::datemultirange) as active_days
from cases
inner join acceptances using (case_id)
inner join limits using (case_id)
inner join clocks using (case_id)
left join merged_pauses using (case_id)
-- withdrawn cases are out of every time of a stage or project, as they are out of the averages (rules B2)
where clocks.is_in_calendar
    and acceptances.outcome in ('passed', 'denied', 'open')
    and cases.project_code is not null
    and clocks.end_date >= clocks.start_date
