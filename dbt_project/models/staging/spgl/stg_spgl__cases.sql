with rows as (
    {{ spgl('spgl_xmspsxblxxb', [
        'spsxslbm', 'gcdm', 'spsxbm', 'spsxbbh', 'splcbm', 'splcbbh', 'spbmmc', 'slfs', 'blspslbm', 'sxblsx'
    ]) }}
),

organisations as (
    select * from {{ ref('stg_spgl__organisations') }}
),

-- DWLX 1 is 建设单位, who applies
owners as (
    select distinct on (source_department, works_code_raw)
        source_department,
        works_code_raw,
        organisation_name,
        credit_code
    from organisations
    where role_code = 1
    order by source_department, works_code_raw, batch_id desc, row_number desc
),

ranked as (
    select
        rows.*,
        row_number() over (partition by source_department, spsxslbm order by {{ lsh_order() }} desc) as recency
    from rows
    where spsxslbm is not null
)

select
    ranked.source_department,
    ranked.spsxslbm as instance_code,
    ranked.spsxbm as item_code,
    ranked.spsxbbh as item_version,
    null::text as item_name,
    ranked.spbmmc as handling_department_name,
    null::text as project_code_raw,
    ranked.gcdm as works_code_raw,
    null::text as project_name,
    ranked.blspslbm as parallel_group_code,
    ranked.slfs as channel_code,
    {{ to_integer('ranked.sxblsx') }} as promised_limit,
    'working_days' as limit_unit,
    null::text as certificate_number,
    owners.organisation_name as applicant_name,
    owners.credit_code as applicant_credit_code,
    -- XZQHDM is the uploading city; the site's region stands on the works
    null::text as region_code,
    null::text as related_document_number,
    -- the standard 2.0 says of the item, not of the case, whether 告知承诺 is allowed
    null::boolean as is_commitment,
    null::date as tolerance_due_date,
    ranked.batch_id,
    ranked.row_number,
    ranked.splcbm as flow_code,
    ranked.splcbbh as flow_version
from ranked
left join owners
    on owners.source_department = ranked.source_department
    and owners.works_code_raw = ranked.gcdm
where ranked.recency = 1
