{#- Of one kind of work at a time: another mix of kinds is no change of price. -#}
{%- set price = metric('agency_price_median') -%}
{%- set sides = {'base': 'not is_now', 'now': 'is_now'} -%}

with orders as (
    select * from {{ ref('fct_agency_order') }}
),

build as (
    select * from {{ ref('int_build') }}
),

periods as (
    select * from {{ ref('int_comparison_periods') }}
),

sided as (
    select
        periods.label,
        orders.ordered_month >= periods.now_from as is_now,
        orders.*
    from orders
    inner join periods
        on orders.ordered_month between periods.base_from and periods.base_to
        or orders.ordered_month between periods.now_from and periods.now_to
),

medians as (
    select
        label,
        is_now,
        coalesce(category, '未标明') as category,
        {{ price.n_sql }} as n,
        ({{ price.sql }})::numeric as median_price
    from sided
    group by label, is_now, category
),

paired as (
    select
        label as comparison,
        category,
        {%- for side, condition in sides.items() %}
        coalesce(max(n) filter (where {{ condition }}), 0) as {{ side }}_n,
        max(median_price) filter (where {{ condition }} and n >= {{ var('minimum_n') }}) as {{ side }}_median_price_yuan
        {{- ',' if not loop.last }}
        {%- endfor %}
    from medians
    group by label, category
),

-- periods of which one has no order at all compare nothing; a kind that is new in the later one stays
compared as (
    select
        paired.*,
        least(sum(base_n) over of_comparison, sum(now_n) over of_comparison) > 0 as has_both
    from paired
    window of_comparison as (partition by comparison)
)

select
    compared.comparison,
    compared.category,
    {%- for side in sides %}
    compared.{{ side }}_n,
    compared.{{ side }}_median_price_yuan,
    {%- endfor %}
    compared.now_median_price_yuan / nullif(compared.base_median_price_yuan, 0) - 1 as price_change,
    least(compared.base_n, compared.now_n) >= {{ var('minimum_n') }} as is_sample_sufficient,
    build.as_of,
    build.calendar_version,
    build.rule_version
from compared
cross join build
where compared.has_both
