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

{#- What the departments outside the national standard send to a feed about cases, each row with its case. -#}
{% macro feed_rows(feed, columns) -%}
with sent as (
    {{ feed_union(feed, columns) }}
)

select
    source_department || ':' || instance_code as case_id,
    sent.*
from sent
{%- endmacro %}

{% macro case_columns() -%}
{{ return([
    ['source_department', 'text'], ['instance_code', 'text'], ['item_code', 'text'], ['item_version', 'text'],
    ['item_name', 'text'], ['handling_department_name', 'text'], ['project_code_raw', 'text'],
    ['works_code_raw', 'text'], ['project_name', 'text'], ['parallel_group_code', 'text'], ['channel_code', 'text'],
    ['promised_limit', 'integer'], ['limit_unit', 'text'], ['certificate_number', 'text'],
    ['applicant_name', 'text'], ['applicant_credit_code', 'text'], ['region_code', 'text'],
    ['related_document_number', 'text'], ['is_commitment', 'boolean'], ['tolerance_due_date', 'date'],
    ['batch_id', 'bigint'], ['row_number', 'bigint']
]) }}
{%- endmacro %}

{#- The cases as sent, with the standing corrections. about: relation of case_ids; only these. -#}
{% macro sent_cases(about=none) -%}
{%- set names = case_columns() | map(attribute=0) | join(', ') -%}
with spgl_cases as (
    {{ spgl_cases(about) }}
),

feed_cases as (
    select * from {{ ref('int_feed_cases') }}
    {%- if about is not none %}
    where case_id in (select case_id from {{ about }})
    {%- endif %}
),

sent as (
    select {{ names }} from spgl_cases
    union all
    select {{ names }} from feed_cases
)

{{ with_corrections('case', case_columns(), {
    'source_department': 'sent.source_department', 'instance_code': 'sent.instance_code'
}) }}
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
