{#-
  What the national standard asks of a sender beside the case and its log: special procedures and documents that hang on
  a case and carry a date, and 8 部门开始办理 after 3 受理. A department that mostly sends no 8 is named once, not by case.
-#}

with special_procedures as (
    select * from {{ ref('stg_spgl__special_procedures') }}
),

documents as (
    select * from {{ ref('stg_spgl__documents') }}
),

cases as not materialized (
    select * from {{ ref('int_cases') }}
),

instances as (
    select * from {{ ref('int_item_instances') }}
),

entries as (
    select * from {{ ref('int_case_entries') }}
),

counts as (
    select * from {{ ref('int_record_counts') }}
),

procedures as (
    select
        special_procedures.*,
        special_procedures.source_department || ':' || special_procedures.instance_code as case_id
    from special_procedures
),

senders as (
    select
        source_department,
        sum(accepted_decision_count) as case_count,
        sum(unstarted_decision_count) as lacking_count,
        sum(unstarted_decision_count) > 0.5 * sum(accepted_decision_count) as mostly_lacks_start
    from counts
    where source_department in ('{{ var("spgl_departments") | join("', '") }}')
    group by source_department
),

unstarted as (
    select
        instances.source_department,
        instances.case_id,
        instances.project_code,
        instances.batch_id,
        instances.row_number,
        entries.accepted_at
    from entries
    inner join instances using (case_id)
    inner join senders using (source_department)
    where entries.department_start_count = 0
        and entries.accepted_at is not null
        and instances.is_decided
        and not senders.mostly_lacks_start
)

-- an extension among them is an event, so that the issue is orphan_event there
select procedures.source_department, 'orphan_special_procedure' as rule, 'case' as entity, procedures.case_id as business_key,
    '没有办件，只有特别程序' || coalesce('“' || procedures.procedure_name || '”', '')
    || coalesce('，' || procedures.started_at::date || ' 开始', '') as detail,
    null as project_code, procedures.batch_id, procedures.row_number
from procedures
left join cases using (case_id)
where cases.case_id is null and procedures.procedure_code is distinct from '9'
union all
select procedures.source_department, 'procedure_date_unreadable', 'case', procedures.case_id,
    '特别程序开始时间“' || procedures.started_at_raw || '”不是日期', cases.project_code, procedures.batch_id, procedures.row_number
from procedures
left join cases using (case_id)
where procedures.started_at is null and procedures.started_at_raw is not null
union all
select source_department, 'document_date_unreadable', 'permit', coalesce(document_number, instance_code),
    '批复日期“' || document_date_raw || '”不是日期', null, batch_id, row_number
from documents
where document_date is null and document_date_raw is not null
union all
select source_department, 'department_start_missing', 'case', case_id,
    accepted_at::date || ' 受理，办结前没有部门开始办理', project_code, batch_id, row_number
from unstarted
union all
select source_department, 'department_starts_not_sent', 'department', source_department,
    case_count || ' 件办结的办件中 ' || lacking_count || ' 件没有部门开始办理', null, null, null
from senders
where mostly_lacks_start and case_count >= 100
