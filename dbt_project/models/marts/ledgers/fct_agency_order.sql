with orders as (
    select * from {{ ref('int_agency_orders_unioned') }}
),

projects as (
    select * from {{ ref('int_projects') }}
),

calendar as (
    select * from {{ ref('int_calendar') }}
),

build as (
    select * from {{ ref('int_build') }}
),

as_known as (
    select
        orders.*,
        {{ named_project('project_code_raw') }} as project_code,
        ordered_at::date as ordered_date,
        {{ known_date('delivered_at') }} as delivered_date
    from orders
    where ordered_at::date <= {{ as_of() }} or ordered_at is null
),

ordered as (
    select
        as_known.*,
        ordered_date is null or coalesce(ordered_date > delivered_date, false) as has_order_error
    from as_known
)

select
    ordered.source_department || ':' || ordered.agent_order_id as agency_order_id,
    ordered.source_department,
    ordered.project_code,
    {{ mask_project_name('projects.project_name', 'projects.is_household_pv') }} as project_name,
    projects.project_code is not null as is_known_project,
    ordered.category,
    ordered.responsible_party as commissioner_name,
    ordered.agency_credit_code,
    ordered.ordered_date,
    date_trunc('month', ordered.ordered_date)::date as ordered_month,
    ordered.delivered_date,
    date_trunc('month', ordered.delivered_date)::date as delivered_month,
    ordered.delivered_date is not null as is_delivered,
    case
        when not ordered.has_order_error then delivered_day.working_day_number - ordered_day.working_day_number
    end as working_days,
    ordered.price_yuan,
    ordered.has_order_error,
    ordered.batch_id,
    ordered.row_number,
    build.as_of,
    build.calendar_version,
    build.rule_version
from ordered
cross join build
left join projects on projects.project_code = ordered.project_code
left join calendar as ordered_day on ordered_day.date_day = ordered.ordered_date
left join calendar as delivered_day on delivered_day.date_day = ordered.delivered_date
