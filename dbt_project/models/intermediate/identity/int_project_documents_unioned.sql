{{ config(materialized='view') }}

{{ feed_union('project_documents', [
    ['source_department', 'text'], ['document_code', 'text'], ['project_code_raw', 'text'], ['kind_name', 'text'],
    ['dated_on', 'date'], ['batch_id', 'bigint'], ['row_number', 'bigint']
]) }}
