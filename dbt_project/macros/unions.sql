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
