{#- Of each kind of work and each commissioner, and of both together; never of all kinds together: that median is of a mix. -#}
{%- set days = metric('agency_days_median') -%}
{%- set price = metric('agency_price_median') -%}

with orders as (
    select * from {{ ref('fct_agency_order') }}
),

build as (
    select * from {{ ref('int_build') }}
),

summed as (
    select
        coalesce(category, '未标明') as category,
        case when grouping(commissioner_name) = 1 then '全部' else coalesce(commissioner_name, '未标明') end as commissioner_name,
        count(*) as order_count,
        count(*) filter (where not is_delivered) as open_count,
        count(distinct agency_credit_code) as agency_count,
        {{ days.n_sql }} as days_n,
        {{ days.sql }} as median_days,
        {{ price.n_sql }} as price_n,
        {{ price.sql }} as median_price_yuan
    from orders
    group by grouping sets ((category), (category, commissioner_name))
)

select
    summed.category,
    summed.commissioner_name,
    summed.order_count,
    summed.open_count,
    summed.agency_count,
    summed.days_n,
    case when summed.days_n >= {{ var('minimum_n') }} then summed.median_days::numeric end as median_working_days,
    summed.price_n,
    case when summed.price_n >= {{ var('minimum_n') }} then summed.median_price_yuan::numeric end as median_price_yuan,
    build.as_of,
    build.calendar_version,
    build.rule_version
from summed
cross join build
