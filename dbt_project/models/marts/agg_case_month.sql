{%- set marts = sums_of_marts('agg_case_month') -%}
{%- set slices = dashboard_slices() -%}
{%- set columns = [] -%}
{%- for dates in marts.values() -%}
    {%- for sums in dates.values() -%}{%- do columns.extend(sums.keys()) -%}{%- endfor -%}
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
    {%- set is_last_mart = loop.last %}
    {%- for date, sums in dates.items() %}
    select
        {{ date }} as month,
        {{ slices | join(', ') }},
        {%- for column in columns %}
        {{ column if column in sums else 'null::bigint' }} as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from cells_{{ mart }}
    {{ 'union all' if not (loop.last and is_last_mart) }}
    {%- endfor %}
    {%- else %}
    select
        null::date as month,
        {%- for slice in slices %}
        null::text as {{ slice }}{{ ',' if not loop.last }}
        {%- endfor %}
    where false
    {%- endfor %}
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
