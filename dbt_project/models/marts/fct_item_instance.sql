{{ config(materialized='view') }}

{#- What moves with as_of although nothing happened is worked out here; the table beneath changes with its case. -#}

with instances as (
    select * from {{ ref('int_item_instances') }}
),

stamp as (
    select * from {{ stamp_of('int_item_instances') }} as stamp
),

read as (
    select
        instances.*,
        coalesce(instances.own_as_of, stamp.as_of) as as_of,
        stamp.calendar_version,
        stamp.rule_version
    from instances
    cross join stamp
)

select
    case_id,
    source_department,
    department_id,
    department_name,
    instance_code,
    project_code,
    works_code,
    match_tier,
    item_code,
    item_version,
    item_name,
    item_kind,
    office_name,
    stage_number,
    stage_name,
    flow_type,
    flow_type_name,
    parallel_group_code,
    channel_name,
    statutory_limit,
    promised_limit,
    limit_unit,
    statutory_unit,
    received_date,
    accepted_date,
    decided_date,
    closed_date,
    clock_start_date,
    due_date,
    statutory_due_date,
    statutory_due_date_without_extension,
    extension_days,
    read.outcome,
    outcome.word as outcome_name,
    refusal_kind,
    acceptance_wait_working_days,
    gross_working_days,
    excluded_working_days,
    elapsed_working_days,
    statutory_excluded_working_days,
    statutory_elapsed_working_days,
    span_calendar_days,
    remaining_working_days,
    correction_count,
    pause_count,
    is_open,
    is_decided,
    is_withdrawn,
    has_order_error,
    has_pause,
    is_tolerant,
    is_commitment,
    allows_commitment,
    is_on_the_spot,
    is_online,
    is_on_time,
    is_overdue,
    is_statutory_overdue,
    is_statutory_overdue_without_extension,
    {{ due_columns() }},
    pace_state,
    pace.word as pace_name,
    pace.colour as pace_colour,
    alert_state,
    alert.word as alert_name,
    alert.colour as alert_colour,
    clock_flags,
    received_month,
    accepted_month,
    decided_month,
    closed_month,
    due_month,
    statutory_due_month,
    statutory_due_month_without_extension,
    certificate_number,
    batch_id,
    as_of,
    calendar_version,
    rule_version
from read
{{ join_palette('pace', 'read.pace_state') }}
{{ join_palette('alert', 'read.alert_state') }}
{{ join_palette('outcome', 'read.outcome') }}
