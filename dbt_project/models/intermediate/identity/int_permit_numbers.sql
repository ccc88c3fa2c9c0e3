{{ config(indexes=[{'columns': ['case_id']}, {'columns': ['number_key']}]) }}

with documents as (
    select * from {{ ref('int_permits_unioned') }}
    where instance_code is not null
        and document_number is not null
),

feed_cases as (
    select * from {{ ref('int_feed_cases') }}
),

corrections as (
    select * from {{ ref('int_corrections') }}
),

-- the national standard's cases carry no permit number unless a correction gives them one: these are read alone
named_cases as (
    select case_id from feed_cases
    union
    select case_id from corrections
),

sent_cases as (
    {{ sent_cases('named_cases') }}
),

cases as (
    select * from sent_cases
    where instance_code is not null
        and certificate_number is not null
),

works as (
    select * from {{ ref('int_works') }}
),

numbers as (
    select
        source_department || ':' || instance_code as case_id,
        document_number,
        {{ canonical_document_number('document_number') }} as number_key,
        {{ canonical_code('works_code_raw') }} as works_code,
        batch_id,
        row_number
    from documents
    union all
    select
        source_department || ':' || instance_code as case_id,
        certificate_number as document_number,
        {{ canonical_document_number('certificate_number') }} as number_key,
        null as works_code,
        batch_id,
        row_number
    from cases
),

latest as (
    select distinct on (case_id, number_key) numbers.*
    from numbers
    where number_key is not null
    order by case_id, number_key, batch_id desc, row_number desc
)

select
    latest.case_id,
    latest.document_number,
    latest.number_key,
    -- the project of a document whose case is in no case list
    coalesce(works.project_code, {{ project_prefix('latest.works_code') }}) as project_code
from latest
left join works using (works_code)
