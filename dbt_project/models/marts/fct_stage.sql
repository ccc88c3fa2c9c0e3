{{ config(indexes=[{'columns': ['works_code', 'stage_number'], 'unique': true}, {'columns': ['project_code']}]) }}

with cases as (
    select * from {{ ref('fct_item_instance') }}
),

case_days as (
    select * from {{ ref('int_case_days') }}
),

calendar as (
    select * from {{ ref('int_calendar') }}
),

counted as (
    select
        works_code,
        stage_number,
        max(project_code) as project_code,
        max(stage_name) as stage_name,
        max(flow_type) as flow_type,
        max(flow_type_name) as flow_type_name,
        count(*)::integer as case_count,
        (count(*) filter (where is_decided))::integer as decided_case_count,
        (count(*) filter (where is_open))::integer as open_case_count,
        (count(*) filter (where outcome = 'passed'))::integer as passed_case_count,
        min(received_date) as first_received_date,
        min(accepted_date) as first_accepted_date,
        max(decided_date) as last_decided_date,
        max(as_of) as as_of
    from cases
    where project_code is not null and stage_number is not null
    group by works_code, stage_number
),

merged as (
    select
        works_code,
        stage_number,
        sum(elapsed_working_days)::integer as sum_item_days,
        max(elapsed_working_days) as max_item_days,
        range_agg(run_days) as run_days,
        range_agg(active_days) as active_days,
        min(start_date) as first_start_date,
        max(end_date) as last_end_date
    from case_days
    group by works_code, stage_number
),

measured as (
    select
        merged.*,
        {{ working_days_in('merged.active_days') }} as union_active_days,
        {{ working_days_in('merged.run_days') }} as union_run_days,
        last_day.working_day_number - first_day.working_day_number as span_working_days
    from merged
    inner join calendar as first_day on first_day.date_day = merged.first_start_date
    inner join calendar as last_day on last_day.date_day = merged.last_end_date
)

select
    counted.works_code,
    counted.project_code,
    counted.stage_number,
    counted.stage_name,
    counted.flow_type,
    counted.flow_type_name,
    counted.case_count,
    counted.decided_case_count,
    counted.first_received_date,
    counted.first_accepted_date,
    counted.last_decided_date,
    counted.open_case_count = 0 and counted.passed_case_count > 0 as is_finished,
    measured.sum_item_days,
    measured.union_active_days,
    measured.max_item_days,
    measured.span_working_days,
    measured.span_working_days - measured.union_run_days as applicant_gap_days,
    measured.union_run_days - measured.union_active_days as all_paused_days,
    measured.last_end_date - measured.first_start_date as span_calendar_days,
    case when counted.open_case_count = 0 and counted.passed_case_count > 0
        then date_trunc('month', counted.last_decided_date)::date
    end as finished_month,
    counted.as_of,
    {{ stamps() }}
from counted
left join measured using (works_code, stage_number)
