{{ config(materialized='view') }}

{{ feed_union('works', [
    ['source_department', 'text'], ['works_code_raw', 'text'], ['project_code_raw', 'text'], ['works_name', 'text'],
    ['predecessor_works_codes', 'text'], ['flow_type_code', 'text'], ['region_code', 'text'],
    ['reported_at', 'timestamp'], ['flow_code', 'text'], ['planned_start_date', 'date'],
    ['planned_completion_date', 'date'], ['batch_id', 'bigint'], ['row_number', 'bigint']
], 'stg_spgl__works') }}
