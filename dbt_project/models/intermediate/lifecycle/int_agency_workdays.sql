{{ config(
    materialized='incremental',
    incremental_strategy='write_differences',
    unique_key='project_code',
    indexes=[{'columns': ['project_code'], 'unique': true}]
) }}

with orders as (
    select * from {{ ref('int_agency_orders_unioned') }}
),

calendar as (
    select * from {{ ref('int_calendar') }}
),

last_loaded as (
    select max(date_day) as date_day from calendar
),

coded as (
    select
        orders.responsible_party,
        {{ project_prefix(canonical_code('orders.project_code_raw')) }} as project_code,
        orders.ordered_at::date as ordered_date,
        least(orders.delivered_at::date, {{ as_of() }}, last_loaded.date_day) as delivered_date
    from orders
    cross join last_loaded
)

select
    coded.project_code,
    {%- for party in ['government_agency', 'owner_agency'] %}
    range_agg({{ workdays_between('ordered.working_day_number', 'delivered.working_day_number') }})
        filter (where coded.responsible_party = '{{ responsible_parties() | selectattr("id", "equalto", party) | map(attribute="name") | first }}')
        as {{ party }}_workdays
    {%- if not loop.last %},{% endif %}
    {%- endfor %}
from coded
inner join calendar as ordered on ordered.date_day = coded.ordered_date
inner join calendar as delivered on delivered.date_day = coded.delivered_date
where coded.project_code is not null and coded.delivered_date >= coded.ordered_date
group by coded.project_code
