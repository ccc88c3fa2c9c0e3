{#-
  The rows of a feed with the standing corrections of an entity applied (docs/corrections.md): a field is changed only
  where the sender still says what the correction says it says. Adds correction_outcomes: null for nearly all rows, else
  a list of {correction_id, found, is_applied}.

  sent: CTE of the feed; columns: its [name, type] list; keys: {column of int_corrections: expression over `sent`}.
-#}
{% macro with_corrections(entity, columns, keys, sent='sent') -%}
{%- set fields = var('correctable_fields')[entity] -%}
{%- set same = {} -%}
{%- for name, type in columns if name in fields -%}
    {%- set before = "(changes.fields -> '" ~ name ~ "' ->> 'from')" -%}
    {%- if fields[name] == 'code' -%}
        {%- do same.update({name: "(" ~ canonical_code(sent ~ '.' ~ name) ~ ") is not distinct from (" ~ canonical_code(before) ~ ")"}) -%}
    {%- else -%}
        {%- do same.update({name: sent ~ "." ~ name ~ " is not distinct from " ~ before ~ "::" ~ type}) -%}
    {%- endif -%}
{%- endfor -%}
select
    {%- for name, type in columns %}
    {%- if name in fields %}
    case
        when jsonb_exists(changes.fields, '{{ name }}') and {{ same[name] }}
            then (changes.fields -> '{{ name }}' ->> 'to')::{{ type }}
        else {{ sent }}.{{ name }}
    end as {{ name }},
    {%- else %}
    {{ sent }}.{{ name }},
    {%- endif %}
    {%- endfor %}
    case when changes.fields is not null then to_jsonb(array_remove(array[
        {%- for name in same %}
        case when jsonb_exists(changes.fields, '{{ name }}') then jsonb_build_object(
            'correction_id', changes.fields -> '{{ name }}' -> 'id',
            'found', {{ sent }}.{{ name }}::text,
            'is_applied', {{ same[name] }}
        ) end{{ ',' if not loop.last }}
        {%- endfor %}
    ], null)) end as correction_outcomes
from {{ sent }}
left join (
    select
        {{ keys | join(', ') }},
        jsonb_object_agg(field, jsonb_build_object('id', correction_id, 'from', expected_value, 'to', new_value)) as fields
    from {{ ref('int_corrections') }}
    where entity = '{{ entity }}'
        and is_standing
    group by {{ keys | join(', ') }}
) as changes
    on {% for column, expression in keys.items() %}{{ 'and ' if not loop.first }}changes.{{ column }} = {{ expression }}{% if not loop.last %}
    {% endif %}{% endfor %}
{%- endmacro %}
