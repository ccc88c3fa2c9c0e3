{{ config(materialized='view') }}

{{ feed_union('cases', [
    ['source_department', 'text'], ['instance_code', 'text'], ['item_code', 'text'], ['item_version', 'text'],
    ['item_name', 'text'], ['handling_department_name', 'text'], ['project_code_raw', 'text'],
    ['works_code_raw', 'text'], ['project_name', 'text'], ['parallel_group_code', 'text'], ['channel_code', 'text'],
    ['promised_limit', 'integer'], ['limit_unit', 'text'], ['certificate_number', 'text'],
    ['applicant_name', 'text'], ['applicant_credit_code', 'text'], ['region_code', 'text'],
    ['related_document_number', 'text'], ['is_commitment', 'boolean'], ['tolerance_due_date', 'date'],
    ['batch_id', 'bigint'], ['row_number', 'bigint']
], 'stg_spgl__cases') }}
