with eia_cases as (
    select * from {{ ref('stg_shengtai__eia_cases') }}
)

select
    'shengtai' as source_department,
    instance_code,
    -- the file has a class, not a code: the catalogue's item of that name gives it
    null as item_code,
    null as item_version,
    item_name,
    null as handling_department_name,
    project_code_raw,
    null as works_code_raw,
    project_name,
    null as parallel_group_code,
    null as channel_code,
    promised_limit,
    'working_days' as limit_unit,
    certificate_number,
    applicant_name,
    null as applicant_credit_code,
    null as region_code,
    null as related_document_number,
    null as is_commitment,
    null as tolerance_due_date,
    batch_id,
    row_number
from eia_cases
