with civil_defence_cases as (
    select * from {{ ref('stg_renfang__civil_defence_cases') }}
)

select
    'renfang' as source_department,
    instance_code,
    null as item_code,
    null as item_version,
    item_name,
    null as handling_department_name,
    project_code_raw,
    works_code_raw,
    project_name,
    null as parallel_group_code,
    null as channel_code,
    promised_limit,
    'working_days' as limit_unit,
    null as certificate_number,
    null as applicant_name,
    null as applicant_credit_code,
    null as region_code,
    null as related_document_number,
    null as is_commitment,
    null as tolerance_due_date,
    batch_id,
    row_number
from civil_defence_cases
