{{ config(
    materialized='incremental',
    incremental_strategy='replace_changed',
    unique_key='case_id',
    indexes=[{'columns': ['case_id']}, {'columns': ['number_key']}]
) }}

{#- Permits that name their case: result documents by its code, and certificate numbers that stand on the case itself. -#}

with works as (
    select * from {{ ref('int_works') }}
),

projects as (
    select * from {{ ref('int_projects') }}
),

items as (
    select * from {{ ref('int_current_items') }}
),

-- two codes may bear one name; the name then stands for the first of them
items_by_name as (
    select distinct on (item_name) *
    from items
    order by item_name, item_code
),

-- one expression for all names: the longest name that a title holds is its item
item_names as (
    select string_agg(regexp_replace(item_name, '([^[:alnum:]])', '\\\1', 'g'), '|' order by length(item_name) desc, item_name)
        as pattern
    from items
),

entries as (
    select * from {{ ref('int_case_entries') }}
),

events as (
    select * from {{ ref('int_events') }}
),

declared_coverage as (
    select * from {{ ref('system_coverage') }}
),

documents as (
    select
        permits_unioned.*,
        source_department || ':' || instance_code as case_id,
        {{ canonical_document_number('document_number') }} as number_key
    from {{ ref('int_permits_unioned') }} as permits_unioned
    where instance_code is not null
),

cases as not materialized (
    select * from {{ ref('int_item_instances') }}
    where {{ only_changed('case_id') }}
),

-- one document is sent once per attachment, and again when it was corrected: the newest stands
latest_documents as (
    select distinct on (case_id, number_key) documents.*
    from documents
    where {{ only_changed('case_id') }}
    order by case_id, number_key, batch_id desc, row_number desc
),

certificates as (
    select
        case_id,
        source_department,
        certificate_number,
        {{ canonical_document_number('certificate_number') }} as number_key,
        batch_id,
        row_number
    from cases
    where certificate_number is not null
        -- of a case that goes on after that day nobody knows whether its certificate is as old
        and not (
            outcome = 'open'
            and exists (
                select 1
                from events
                where events.case_id = cases.case_id and events.event_at::date > {{ as_of() }}
            )
        )
),

permits as (
    select
        case_id,
        source_department,
        'document' as origin,
        document_number,
        number_key,
        document_title,
        document_date,
        expires_on,
        item_code,
        item_name,
        project_code_raw,
        works_code_raw,
        batch_id,
        row_number
    from latest_documents
    union all
    select
        certificates.case_id,
        certificates.source_department,
        'certificate' as origin,
        certificates.certificate_number as document_number,
        certificates.number_key,
        null as document_title,
        null as document_date,
        null as expires_on,
        null as item_code,
        null as item_name,
        null as project_code_raw,
        null as works_code_raw,
        certificates.batch_id,
        certificates.row_number
    from certificates
    left join latest_documents using (case_id, number_key)
    where latest_documents.case_id is null
),

titled as (
    select
        permits.*,
        cases.case_id is not null as has_case,
        cases.item_code as case_item_code,
        cases.department_id as case_department_id,
        -- a ledger's own name of the item says it better than the title does
        case
            when cases.case_id is null then coalesce(permits.item_name, substring(permits.document_title from item_names.pattern))
        end as titled_item_name,
        -- what a case already knows is not read again from its permit
        case when cases.case_id is null then {{ canonical_code('permits.project_code_raw') }} end as given_project_code,
        case when cases.case_id is null then {{ canonical_code('permits.works_code_raw') }} end as given_works_code,
        cases.project_code as case_project_code,
        cases.works_code as case_works_code,
        cases.flow_type,
        cases.outcome,
        cases.closed_date
    from permits
    cross join item_names
    left join cases using (case_id)
)

select
    md5(concat_ws('|', titled.case_id, titled.origin, coalesce(titled.number_key, titled.document_number, 'none')))
        as permit_id,
    titled.case_id,
    titled.source_department,
    titled.origin,
    titled.document_number,
    titled.number_key,
    titled.document_title,
    -- a certificate number without a date of its own is as old as its decision
    coalesce(titled.document_date, case when titled.origin = 'certificate' then titled.closed_date end) as issued_date,
    titled.expires_on,
    {{ is_no_permit('titled.document_title') }} as is_no_permit,
    titled.has_case,
    coalesce(titled.case_item_code, named_items.item_code, titled_items.item_code) as item_code,
    case
        when titled.case_item_code is not null then 'case'
        when named_items.item_code is not null then 'ledger'
        when titled_items.item_code is not null then 'title'
    end as item_basis,
    coalesce(case_items.item_name, named_items.item_name, titled_items.item_name) as item_name,
    coalesce(case_items.stage_number, named_items.stage_number, titled_items.stage_number) as stage_number,
    coalesce(
        titled.case_department_id, named_items.department_id, titled_items.department_id, titled.source_department
    ) as department_id,
    coalesce(titled.case_project_code, projects.project_code) as project_code,
    coalesce(
        titled.case_works_code,
        {{ works_of_project('projects.project_code', 'works.works_code', 'works.project_code', 'titled.given_works_code') }}
    ) as works_code,
    coalesce(titled.flow_type, works.flow_type_code, projects.flow_type_code) as flow_type,
    titled.outcome,
    titled.closed_date,
    coalesce(entries.entry_count > 0 and titled.closed_date >= coalesce(declared_coverage.entry_times_from, titled.closed_date), false)
        as has_entry_time,
    coalesce(entries.is_backfilled, false) as is_backfilled,
    entries.entry_lag_days,
    titled.batch_id,
    titled.row_number
from titled
left join items as case_items on case_items.item_code = titled.case_item_code
left join items as named_items on named_items.item_code = titled.item_code
left join items_by_name as titled_items on titled_items.item_name = titled.titled_item_name
left join works on works.works_code = titled.given_works_code and not titled.has_case
left join projects
    on projects.project_code = coalesce(
        works.project_code,
        {{ project_prefix('titled.given_project_code') }},
        {{ project_prefix('titled.given_works_code') }}
    )
    and not titled.has_case
left join entries on entries.case_id = titled.case_id
left join declared_coverage on declared_coverage.department = titled.source_department
