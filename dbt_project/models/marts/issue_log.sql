{{ config(indexes=[{'columns': ['rule']}, {'columns': ['business_key']}, {'columns': ['project_code']}]) }}

{#- Doubt is data: every row that was repaired, left out or contradicts itself, with where it came from. -#}

with case_issues as (
    select * from {{ ref('int_case_issues') }}
),

event_issues as (
    select * from {{ ref('int_event_issues') }}
),

standard_issues as (
    select * from {{ ref('int_standard_issues') }}
),

register_issues as (
    select * from {{ ref('int_register_issues') }}
),

identity_doubts as (
    select * from {{ ref('int_identity_doubts') }}
),

unit_issues as (
    select * from {{ ref('int_unit_issues') }}
),

landing_issues as (
    select * from {{ ref('int_landing_issues') }}
),

prerequisites as (
    select * from {{ ref('int_item_prerequisites') }}
    where is_break
),

permits as (
    select * from {{ ref('int_loose_permits') }}
    where not is_no_permit
),

instances as not materialized (
    select * from {{ ref('int_item_instances') }}
),

calendar as (
    select * from {{ ref('int_calendar') }}
),

rules as (
    select * from {{ ref('issue_rules') }}
),

batches as (
    select * from {{ source('landing', 'batch') }}
),

issues as (
    select source_department as department, rule, 'case' as entity, case_id as business_key, project_code, detail,
        batch_id, row_number, other_batch_id, other_row_number
    from case_issues

    union all
    select source_department, rule, 'event', case_id, project_code, detail, batch_id, row_number, null, null
    from event_issues

    union all
    select source_department, rule, entity, business_key, project_code, detail, batch_id, row_number, null, null
    from register_issues

    union all
    select source_department, rule, entity, business_key, project_code, detail, batch_id, row_number, null, null
    from standard_issues

    union all
    select department, rule, entity, business_key, project_code, detail, batch_id, row_number, null, null
    from identity_doubts

    union all
    select source_department, rule, entity, business_key, null, detail, null, null, null, null
    from unit_issues

    union all
    select source_department, rule, entity, business_key, null, detail, batch_id, row_number, null, null
    from landing_issues

    union all
    select coalesce(instances.source_department, prerequisites.department_id), 'decided_before_prerequisite', 'case',
        coalesce(prerequisites.case_id, prerequisites.permit_id), prerequisites.project_code,
        prerequisites.item_name || '于 ' || prerequisites.granted_at::date || ' 批准，前置的'
        || coalesce(prerequisites.prerequisite_item_name, prerequisites.prerequisite_item_code)
        || coalesce('于 ' || prerequisites.prerequisite_granted_at::date || ' 才批准', '至今没有批准'),
        instances.batch_id, instances.row_number, required.batch_id, required.row_number
    from prerequisites
    left join instances on instances.case_id = prerequisites.case_id
    left join instances as required on required.case_id = prerequisites.prerequisite_case_id

    union all
    select source_department, case when number_key is null then 'permit_number_unreadable' else 'unmatched_permit' end,
        'permit', permit_id, project_code,
        '文号 ' || coalesce(document_number, '空') || coalesce('，' || item_name, '')
        || coalesce('，' || issued_date || ' 批复', '') || coalesce('：办件 ' || named_case_id || ' 不存在', '：未写明办件'),
        batch_id, row_number, null, null
    from permits
    where case_id is null and coalesce(issued_date <= {{ as_of() }}, true)

    union all
    -- once, months ahead: next year's notice appears in October or November
    select null, 'calendar_ends', 'calendar', calendar_end.last_day::text, null,
        case when open_beyond.case_count > 0 then '有 ' || open_beyond.case_count || ' 件在办件到期日在此之后，或无法计日；' else '' end
        || '请装载下一年放假通知：yidang calendar load',
        null, null, null, null
    from (select max(date_day) as last_day from calendar) as calendar_end
    cross join (
        select count(*) as case_count
        from instances
        where is_open and clock_flags ~ 'CAL_UNAVAILABLE|DUE_BEYOND_CALENDAR'
    ) as open_beyond
    where open_beyond.case_count > 0
        or calendar_end.last_day - {{ as_of() }} <= {{ var('calendar_warning_days') }}
)

select
    md5(concat_ws('|', issues.department, issues.rule, issues.entity, issues.business_key, issues.detail, issues.batch_id, issues.row_number))
        as issue_id,
    issues.department,
    issues.rule,
    rules.rule_name,
    rules.severity,
    issues.entity,
    issues.business_key,
    issues.project_code,
    {{ mask_text('issues.detail') }} as detail,
    batches.table_name as source_table,
    issues.batch_id,
    issues.row_number,
    case
        when issues.batch_id is not null
            then jsonb_build_array(jsonb_build_object('table', batches.table_name, 'batch_id', issues.batch_id, 'row_number', issues.row_number))
    end
    || case
        when issues.other_batch_id is not null
            then jsonb_build_array(
                jsonb_build_object('table', others.table_name, 'batch_id', issues.other_batch_id, 'row_number', issues.other_row_number)
            )
        else '[]'::jsonb
    end as raw_rows,
    {{ as_of() }} as as_of
from issues
left join rules using (rule)
left join batches on batches.batch_id = issues.batch_id
left join batches as others on others.batch_id = issues.other_batch_id
