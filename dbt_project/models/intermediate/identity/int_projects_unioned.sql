{{ config(materialized='view') }}

{%- set columns = [
    ['source_department', 'text'], ['registration_code', 'text'], ['project_code_raw', 'text'], ['project_name', 'text'],
    ['owner_name', 'text'], ['owner_credit_code', 'text'], ['flow_type_code', 'text'],
    ['investment_source_code', 'text'], ['total_investment_wan', 'numeric'], ['region_code', 'text'],
    ['street', 'text'], ['registered_at', 'timestamp'], ['established_at', 'timestamp'], ['is_major', 'boolean'],
    ['is_terminated', 'boolean'], ['terminated_at', 'timestamp'], ['is_completed', 'boolean'],
    ['batch_id', 'bigint'], ['row_number', 'bigint']
] %}

with sent as (
    {{ feed_union('projects', columns) }}
)

{{ with_corrections('project', columns, {'code': canonical_code('sent.project_code_raw')}) }}
