{%- set marts = sums_of_marts('agg_case_month') -%}
{%- set slices = dashboard_slices() -%}
{%- set columns = [] -%}
{%- for dates in marts.values() -%}
    {%- for sums in dates.values() -%}{%- do columns.extend(sums.keys()) -%}{%- endfor -%}
{%- endfor -%}
{#- kept as counts already: {column: that of int_case_months} -#}
{%- set counts = case_count_columns() -%}
{%- set kept = {} -%}
{%- for date, sums in marts.pop('fct_item_instance', {}).items() -%}
    {%- for column, aggregate in sums.items() -%}{%- do kept.update({column: counts[date][aggregate]}) -%}{%- endfor -%}
{%- endfor -%}

with calendar as (
    select * from {{ ref('int_calendar') }}
),
{% for mart, dates in marts.items() %}
-- rows alike in every slice and date, so that the mart is read once however many dates its figures have
cells_{{ mart }} as (
    select
        {%- for slice in slices %}
        {{ slice }},
        {%- endfor %}
        {%- for date in dates %}
        {{ date }},
        {%- endfor %}
        {%- for sums in dates.values() %}
        {%- set is_last_date = loop.last %}
        {%- for column, aggregate in sums.items() %}
        {{ aggregate }} as {{ column }}{{ ',' if not (loop.last and is_last_date) }}
        {%- endfor %}
        {%- endfor %}
    from {{ ref(mart) }}
    group by {{ (slices + dates.keys() | list) | join(', ') }}
),
{% endfor %}
dated as (
    {%- for mart, dates in marts.items() %}
    {%- for date, sums in dates.items() %}
    select
        {{ date }} as month,
        {{ slices | join(', ') }},
        {%- for column in columns %}
        {{ column if column in sums else 'null::bigint' }} as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from cells_{{ mart }}
    union all
    {%- endfor %}
    {%- endfor %}
    select
        month,
        {{ slices | join(', ') }}{{ ',' if columns }}
        {%- for column in columns %}
        {{ kept.get(column, 'null::bigint') }} as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('int_case_months') }}
),

summed as (
    select
        month,
        {%- for slice in slices %}
        coalesce({{ slice }}, '未标明') as {{ slice }},
        {%- endfor %}
        {%- for column in columns %}
        coalesce(sum({{ column }}), 0)::bigint as {{ column }},
        {%- endfor %}
        {{ as_of() }} as as_of,
        {{ stamps() }}
    from dated
    group by month, {{ slices | join(', ') }}
)

select *
from summed
{%- if columns %}
where greatest({{ columns | join(', ') }}) > 0 or least({{ columns | join(', ') }}) < 0
{%- endif %}
