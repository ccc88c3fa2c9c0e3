{{ config(materialized='view') }}

{{ feed_union('agency_orders', [
    ['source_department', 'text'], ['agent_order_id', 'text'], ['project_code_raw', 'text'],
    ['works_code_raw', 'text'], ['category', 'text'], ['agency_credit_code', 'text'], ['responsible_party', 'text'],
    ['ordered_at', 'timestamp'], ['delivered_at', 'timestamp'], ['price_yuan', 'numeric'], ['batch_id', 'bigint'], ['row_number', 'bigint']
]) }}
