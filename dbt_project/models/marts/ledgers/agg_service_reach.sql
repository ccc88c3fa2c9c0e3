{#- What the catalogue says of an item beside what its cases did; the figures are those of agg_indicator. -#}
{%- set measured = ['online_rate', 'visits_per_case_mean', 'visits_per_window_case_mean'] -%}

with items as (
    select * from {{ ref('dim_item') }}
    where is_current
),

indicators as (
    select * from {{ ref('agg_indicator') }}
    where metric in ('{{ measured | join("', '") }}') and dimension = 'item' and period_grain = 'all'
),

build as (
    select * from {{ ref('int_build') }}
),

figures as (
    select
        slice as item_name,
        {%- for metric in measured %}
        max(n) filter (where metric = '{{ metric }}') as {{ metric }}_n,
        max(value) filter (where metric = '{{ metric }}') as {{ metric }}{{ ',' if not loop.last }}
        {%- endfor %}
    from indicators
    group by slice
)

select
    items.item_code,
    items.item_name,
    items.department_name,
    items.stage_name,
    items.online_depth,
    items.is_fully_online,
    items.is_cross_province,
    items.online_since,
    items.visit_count as catalogue_visit_count,
    {%- for metric in measured %}
    coalesce(figures.{{ metric }}_n, 0) as {{ metric }}_n,
    figures.{{ metric }},
    {%- endfor %}
    build.as_of,
    build.calendar_version,
    build.rule_version
from items
cross join build
left join figures using (item_name)
