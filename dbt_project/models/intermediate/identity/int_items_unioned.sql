{{ config(materialized='view') }}
{%- set columns = [
    ['source_department', 'text'], ['item_code', 'text'], ['item_version', 'text'], ['item_name', 'text'],
    ['department_name', 'text'], ['national_item_code', 'text'], ['stage_number', 'integer'],
    ['statutory_limit', 'integer'], ['statutory_unit', 'text'], ['promised_limit', 'integer'],
    ['promised_unit', 'text'], ['step_count', 'integer'], ['material_count', 'integer'], ['visit_count', 'integer'],
    ['fee_yuan', 'numeric'], ['item_kind', 'text'], ['item_class', 'text'], ['allows_commitment', 'boolean'],
    ['prerequisite_item_codes', 'text'], ['valid_from', 'date'], ['valid_to', 'date'],
    ['batch_id', 'bigint'], ['row_number', 'bigint']
] %}

with sent as (
    {{ feed_union('items', columns) }}
)

-- a catalogue that numbers no versions tells them apart by the day they began, or has only one
select
    {%- for name, type in columns %}
    {% if name == 'item_version' -%}
    coalesce(item_version, to_char(valid_from, 'YYYY-MM-DD'), '1') as item_version
    {%- else -%}
    {{ name }}
    {%- endif %}{{ ',' if not loop.last }}
    {%- endfor %}
from sent
