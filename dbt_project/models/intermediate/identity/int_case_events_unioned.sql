{{ config(materialized='view') }}

{{ feed_union('case_events', [
    ['source_department', 'text'], ['instance_code', 'text'], ['event_kind', 'text'], ['event_at', 'timestamp'],
    ['source_order', 'bigint'], ['recorded_at', 'timestamp'], ['reason_code', 'text'], ['procedure_name', 'text'],
    ['responsible_party', 'text'], ['extension_days', 'integer'], ['extension_unit', 'text'], ['document_number', 'text'],
    ['office_name', 'text'], ['opinion', 'text'], ['batch_id', 'bigint'], ['row_number', 'bigint']
], 'stg_spgl__case_events') }}
