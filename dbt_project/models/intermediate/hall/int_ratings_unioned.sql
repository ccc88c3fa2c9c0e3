{{ config(materialized='view') }}

{{ feed_union('ratings', [
    ['source_department', 'text'], ['rating_id', 'text'], ['instance_code', 'text'], ['department_name', 'text'],
    ['rated_at', 'timestamp'], ['grade', 'integer'], ['is_default', 'boolean'],
    ['batch_id', 'bigint'], ['row_number', 'bigint']
]) }}
