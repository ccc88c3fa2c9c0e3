{{ config(materialized='view') }}

{{ feed_union('permits', [
    ['source_department', 'text'], ['instance_code', 'text'], ['document_number', 'text'], ['document_title', 'text'],
    ['document_date', 'date'], ['expires_on', 'date'], ['item_code', 'text'], ['item_name', 'text'],
    ['project_code_raw', 'text'], ['works_code_raw', 'text'], ['batch_id', 'bigint'], ['row_number', 'bigint']
], 'stg_spgl__documents') }}
