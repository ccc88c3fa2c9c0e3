{{ config(materialized='view') }}

{#- 体外循环 (rules R5): what was granted, held against what the approval system knows of it. -#}

with named as (
    select * from {{ ref('int_case_permits') }}
),

loose as (
    select * from {{ ref('int_loose_permits') }}
),

stamp as (
    select * from {{ stamp_of('int_case_permits') }} as stamp
),

departments as (
    select * from {{ ref('int_departments') }}
),

code_lists as (
    select * from {{ ref('code_lists') }}
),

permits as (
    select
        permit_id, case_id as named_case_id, case_id, 'case_code' as matched_by, source_department, origin,
        document_number, number_key, document_title, issued_date, expires_on, is_no_permit, item_code, item_basis, item_name,
        stage_number, department_id, project_code, works_code, flow_type, outcome, closed_date, has_entry_time, is_backfilled,
        entry_lag_days, true as is_covered, batch_id, row_number
    from named
    where has_case
    union all
    select
        permit_id, named_case_id, case_id, case when case_id is not null then 'number' end as matched_by, source_department, origin,
        document_number, number_key, document_title, issued_date, expires_on, is_no_permit, item_code, item_basis, item_name,
        stage_number, department_id, project_code, works_code, flow_type, outcome, closed_date, has_entry_time, is_backfilled,
        entry_lag_days, is_covered, batch_id, row_number
    from loose
),

judged as (
    select
        permits.*,
        case
            when permits.is_no_permit then 'not_a_permit'
            -- 交通, 水利, 能源 are outside the reform (国办发〔2019〕11号)
            when permits.flow_type in ('7', '8', '9') then 'other_system'
        end as out_of_scope_reason,
        case
            when permits.issued_date is null then 'date_unreadable'
            when permits.case_id is null and permits.named_case_id is null and permits.number_key is null then 'number_unreadable'
            when permits.case_id is null and not permits.is_covered then 'before_coverage'
            -- a case that is still open was on record in time, whatever its end will be
            when permits.outcome != 'open' and not permits.has_entry_time then 'entry_time_unknown'
        end as unknown_reason,
        stamp.as_of,
        stamp.calendar_version,
        stamp.rule_version
    from permits
    cross join stamp
    where coalesce(permits.issued_date <= stamp.as_of, true)
)

select
    permit_id,
    source_department,
    judged.department_id,
    departments.department_name,
    origin,
    document_number,
    number_key,
    document_title,
    issued_date,
    date_trunc('month', issued_date)::date as issued_month,
    expires_on,
    item_code,
    item_basis,
    item_name,
    stage_number,
    stages.name as stage_name,
    project_code,
    works_code,
    flow_type,
    flow_types.name as flow_type_name,
    named_case_id,
    case_id,
    matched_by,
    outcome as case_outcome,
    closed_date,
    out_of_scope_reason is null as is_in_scope,
    out_of_scope_reason,
    case
        when unknown_reason is not null then 'unknown'
        when case_id is null then 'unmatched'
        when is_backfilled then 'backfilled'
        else 'matched'
    end as bypass_state,
    unknown_reason,
    unknown_reason is null and (case_id is null or is_backfilled) as is_bypass_certain,
    unknown_reason is not null or case_id is null or is_backfilled as is_bypass_possible,
    case when is_backfilled then entry_lag_days end as backfill_lag_days,
    batch_id,
    row_number,
    as_of,
    calendar_version,
    rule_version
from judged
left join departments using (department_id)
left join code_lists as stages
    on stages.code_list = 'stage'
    and stages.code = judged.stage_number::text
left join code_lists as flow_types
    on flow_types.code_list = 'flow_type'
    and flow_types.code = judged.flow_type
