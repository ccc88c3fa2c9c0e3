{#-
  Union of a canonical feed over the departments that supply it. columns: list of [name, type].
  spgl_model: the model that supplies the feed for all departments of the national standard, or none.
-#}
{% macro feed_union(feed, columns, spgl_model=none) -%}
{%- set models = var('feeds').get(feed, []) | list -%}
{%- if spgl_model is not none -%}{%- set models = [spgl_model] + models -%}{%- endif -%}
{%- for model in models %}
    select {% for name, type in columns %}{{ name }}::{{ type }} as {{ name }}{% if not loop.last %}, {% endif %}{% endfor %}
    from {{ ref(model) }}
    {%- if not loop.last %}
    union all
    {%- endif %}
{%- else %}
    select {% for name, type in columns %}null::{{ type }} as {{ name }}{% if not loop.last %}, {% endif %}{% endfor %}
    where false
{%- endfor %}
{%- endmacro %}

{% macro case_event_columns() -%}
{{ return([
    ['source_department', 'text'], ['instance_code', 'text'], ['event_kind', 'text'], ['event_at', 'timestamp'],
    ['source_order', 'bigint'], ['recorded_at', 'timestamp'], ['reason_code', 'text'], ['procedure_name', 'text'],
    ['responsible_party', 'text'], ['extension_days', 'integer'], ['extension_unit', 'text'], ['document_number', 'text'],
    ['office_name', 'text'], ['opinion', 'text'], ['batch_id', 'bigint'], ['row_number', 'bigint']
]) }}
{%- endmacro %}

{% macro permit_columns() -%}
{{ return([
    ['source_department', 'text'], ['instance_code', 'text'], ['document_number', 'text'], ['document_title', 'text'],
    ['document_date', 'date'], ['expires_on', 'date'], ['item_code', 'text'], ['item_name', 'text'],
    ['project_code_raw', 'text'], ['works_code_raw', 'text'], ['batch_id', 'bigint'], ['row_number', 'bigint']
]) }}
{%- endmacro %}
