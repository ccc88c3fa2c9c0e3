{{ config(materialized='view') }}

{%- set columns = [
    ['source_department', 'text'], ['instance_code', 'text'], ['item_code', 'text'], ['item_version', 'text'],
    ['item_name', 'text'], ['handling_department_name', 'text'], ['project_code_raw', 'text'],
    ['works_code_raw', 'text'], ['project_name', 'text'], ['parallel_group_code', 'text'], ['channel_code', 'text'],
    ['promised_limit', 'integer'], ['limit_unit', 'text'], ['certificate_number', 'text'],
    ['applicant_name', 'text'], ['applicant_credit_code', 'text'], ['region_code', 'text'],
    ['related_document_number', 'text'], ['is_commitment', 'boolean'], ['tolerance_due_date', 'date'],
    ['batch_id', 'bigint'], ['row_number', 'bigint']
] %}

with sent as (
    {{ feed_union('cases', columns, 'stg_spgl__cases') }}
)

{{ with_corrections('case', columns, {
    'source_department': 'sent.source_department', 'instance_code': 'sent.instance_code'
}) }}
