{{ config(materialized='view') }}

with instances as (
    select * from {{ ref('int_item_instances') }}
),

judged as (
    select
        instances.*,
        elapsed_working_days is not null and outcome != 'not_accepted' as has_clock
    from instances
),

-- a case belongs to the month in which its clock began; one whose clock never began, to the month of its papers
observed as (
    select
        case_id,
        coalesce(accepted_month, received_month) as cohort_month,
        department_id,
        stage_number,
        flow_type,
        item_code,
        item_version,
        coalesce(is_on_the_spot, false) as is_on_the_spot,
        -- a case without a project depends on no other
        coalesce(project_code, case_id) as project_key,
        -- withdrawn cases have no pace, but may have had a promise
        pace_state is not null or (is_withdrawn and due_date is not null) as has_promise,
        case when has_clock then elapsed_working_days end as elapsed_working_days,
        promised_limit,
        limit_unit,
        clock_start_date,
        closed_date,
        case
            when not has_clock then null
            when is_open then 'open'
            when is_withdrawn then 'withdrawn'
            when is_on_time then 'decided_on_time'
            else 'decided_late'
        end as state,
        case
            when has_clock then null
            when outcome = 'not_accepted' then 'not_accepted'
            when clock_flags ~ '\mORDER_ERROR\M' then 'order_error'
            when clock_flags ~ '\mCAL_UNAVAILABLE\M' then 'calendar_unavailable'
            when is_decided then 'decided_without_acceptance'
            when is_withdrawn then 'withdrawn_before_acceptance'
            else 'not_yet_accepted'
        end as exclusion_reason
    from judged
)

select * from observed
