{{ config(materialized='view') }}

{%- set columns = [
    ['source_department', 'text'], ['works_code_raw', 'text'], ['project_code_raw', 'text'], ['works_name', 'text'],
    ['predecessor_works_codes', 'text'], ['flow_type_code', 'text'], ['region_code', 'text'],
    ['reported_at', 'timestamp'], ['flow_code', 'text'], ['planned_start_date', 'date'],
    ['planned_completion_date', 'date'], ['flow_version', 'text'], ['floor_area_square_metres', 'numeric'],
    ['is_region_assessed', 'boolean'], ['site', 'text'], ['batch_id', 'bigint'], ['row_number', 'bigint']
] %}

with sent as (
    {{ feed_union('works', columns, 'stg_spgl__works') }}
)

{{ with_corrections('works', columns, {'code': canonical_code('sent.works_code_raw')}) }}
