{%- set dates = case_measures() -%}
{%- set slices = dashboard_slices() -%}
{%- set expressions = dates.values() | map('list') | sum(start=[]) | unique | list -%}

{{ config(materialized='incremental', incremental_strategy='add_counts', meta={'counts': ['case_count']}) }}

with {{ signed_cases() }},

measured as (
    select
        {{ slices | join(',\n        ') }},
        {%- for date in dates %}
        {{ date }},
        {%- endfor %}
        {%- for expression in expressions %}
        ({{ expression }})::double precision as value_{{ loop.index0 }},
        {%- endfor %}
        sign
    from cases
),
{% for date, names in dates.items() %}
-- a measure by itself, whatever the others are
by_{{ date }} as (
    select
        {{ slices | join(',\n        ') }},
        {{ date }} as month,
        case
            {%- for expression, name in names.items() %}
            when grouping(value_{{ expressions.index(expression) }}) = 0 then '{{ name }}'
            {%- endfor %}
        end as measure,
        coalesce(
            {%- for expression in names -%}
            value_{{ expressions.index(expression) }}{{ ', ' if not loop.last }}
            {%- endfor -%}
        ) as measured_value,
        sum(sign) as case_count
    from measured
    where {{ date }} is not null
    group by {{ slices | join(', ') }}, {{ date }}, grouping sets (
        {%- for expression in names -%}
        (value_{{ expressions.index(expression) }}){{ ', ' if not loop.last }}
        {%- endfor -%}
    )
),
{% endfor %}
counted as (
    {%- for date in dates %}
    select * from by_{{ date }}
    {{ 'union all' if not loop.last }}
    {%- else %}
    select
        {%- for slice in slices %}
        null::text as {{ slice }},
        {%- endfor %}
        null::date as month,
        null::text as measure,
        null::double precision as measured_value,
        0::bigint as case_count
    where false
    {%- endfor %}
)

select *
from counted
where measured_value is not null
    and case_count != 0
