{{ config(
    materialized='incremental',
    incremental_strategy='write_differences',
    unique_key='permit_id',
    indexes=[{'columns': ['permit_id'], 'unique': true}]
) }}

{#-
  Permits whose case is not there: those that name one nobody sent, and rows of a ledger that names none. Their number
  may stand on another case (match tier T4).
-#}

with named as not materialized (
    select * from {{ ref('int_case_permits') }}
),

ledger_rows as (
    select
        permits_unioned.*,
        {{ canonical_document_number('document_number') }} as number_key,
        {{ canonical_code('project_code_raw') }} as given_project_code,
        {{ canonical_code('works_code_raw') }} as given_works_code
    from {{ ref('int_permits_unioned') }} as permits_unioned
    where instance_code is null
),

works as (
    select * from {{ ref('int_works') }}
),

projects as (
    select * from {{ ref('int_projects') }}
),

items as (
    select * from {{ ref('int_current_items') }}
),

entries as (
    select * from {{ ref('int_case_entries') }}
),

-- two codes may bear one name; the name then stands for the first of them
items_by_name as (
    select distinct on (item_name) *
    from items
    order by item_name, item_code
),

declared_coverage as (
    select * from {{ ref('system_coverage') }}
),

-- before a department's first case a permit without a case proves nothing
coverage as (
    select
        split_part(entries.case_id, ':', 1) as source_department,
        coalesce(min(declared_coverage.cases_from), min(entries.first_event_at)::date) as cases_from
    from entries
    left join declared_coverage on declared_coverage.department = split_part(entries.case_id, ':', 1)
    group by split_part(entries.case_id, ':', 1)
),

-- a number that cannot be read is no key: each such row stays a permit of its own
keyed as (
    select
        ledger_rows.*,
        coalesce(number_key, batch_id::text || ':' || row_number::text) as row_key
    from ledger_rows
),

latest as (
    select distinct on (source_department, row_key) keyed.*
    from keyed
    order by source_department, row_key, batch_id desc, row_number desc
),

ledger as (
    select
        md5(concat_ws('|', latest.source_department, 'ledger', latest.row_key)) as permit_id,
        null::text as case_id,
        latest.source_department,
        'ledger' as origin,
        latest.document_number,
        latest.number_key,
        latest.document_title,
        latest.document_date as issued_date,
        latest.expires_on,
        {{ is_no_permit('latest.document_title') }} as is_no_permit,
        coalesce(by_code.item_code, by_name.item_code) as item_code,
        case when coalesce(by_code.item_code, by_name.item_code) is not null then 'ledger' end as item_basis,
        coalesce(by_code.item_name, by_name.item_name, latest.item_name) as item_name,
        coalesce(by_code.stage_number, by_name.stage_number) as stage_number,
        coalesce(by_code.department_id, by_name.department_id, latest.source_department) as department_id,
        projects.project_code,
        {{ works_of_project('projects.project_code', 'works.works_code', 'works.project_code', 'latest.given_works_code') }}
            as works_code,
        coalesce(works.flow_type_code, projects.flow_type_code) as flow_type,
        latest.batch_id,
        latest.row_number
    from latest
    left join items as by_code on by_code.item_code = latest.item_code
    left join items_by_name as by_name on by_name.item_name = latest.item_name
    left join works on works.works_code = latest.given_works_code
    left join projects
        on projects.project_code = coalesce(
            works.project_code,
            {{ project_prefix('latest.given_project_code') }},
            {{ project_prefix('latest.given_works_code') }}
        )
),

loose as (
    select
        permit_id, case_id, source_department, origin, document_number, number_key, document_title, issued_date, expires_on,
        is_no_permit, item_code, item_basis, item_name, stage_number, department_id, project_code, works_code, flow_type,
        batch_id, row_number
    from named
    where not has_case
    union all
    select * from ledger
),

matched as (
    select distinct on (loose.permit_id)
        loose.permit_id,
        found.case_id,
        found.item_code,
        found.item_name,
        found.stage_number,
        found.project_code,
        found.works_code,
        found.flow_type,
        found.outcome,
        found.closed_date,
        found.has_entry_time,
        found.is_backfilled,
        found.entry_lag_days
    from loose
    inner join named as found
        on found.number_key = loose.number_key
        and found.has_case
        -- between departments only a number that names its issuer and year is one and the same permit
        and (found.source_department = loose.source_department or loose.number_key ~ '[^0-9A-Z()-].*[0-9]{4}')
    order by loose.permit_id, found.case_id
)

select
    loose.permit_id,
    loose.case_id as named_case_id,
    matched.case_id,
    loose.source_department,
    loose.origin,
    loose.document_number,
    loose.number_key,
    loose.document_title,
    loose.issued_date,
    loose.expires_on,
    loose.is_no_permit,
    coalesce(loose.item_code, matched.item_code) as item_code,
    coalesce(loose.item_basis, case when matched.item_code is not null then 'case' end) as item_basis,
    coalesce(loose.item_name, matched.item_name) as item_name,
    coalesce(loose.stage_number, matched.stage_number) as stage_number,
    loose.department_id,
    coalesce(loose.project_code, matched.project_code) as project_code,
    coalesce(loose.works_code, matched.works_code) as works_code,
    coalesce(loose.flow_type, matched.flow_type) as flow_type,
    matched.outcome,
    matched.closed_date,
    coalesce(matched.has_entry_time, false) as has_entry_time,
    coalesce(matched.is_backfilled, false) as is_backfilled,
    matched.entry_lag_days,
    -- before coverage, or from a department that sent no case at all
    coalesce(loose.issued_date >= coverage.cases_from, false) as is_covered,
    loose.batch_id,
    loose.row_number
from loose
left join matched using (permit_id)
left join coverage using (source_department)
