with periods as (
    select * from {{ ref('comparison_periods') }}
),

months as (
    select * from {{ ref('int_case_months') }}
),

build as (
    select * from {{ ref('int_build') }}
),

-- the first month of which there is anything; dates before 2000 stand in for one that nobody knew
covered as (
    select min(month) as first_month
    from months
    where month >= date '2000-01-01'
),

-- what the base lacks at its beginning is left out of both periods, and so is a month that is not over
begun as (
    select
        periods.label,
        greatest(periods.base_from, covered.first_month) as base_from,
        periods.base_to,
        (periods.now_from + age(greatest(periods.base_from, covered.first_month), periods.base_from))::date as now_from,
        least(periods.now_to, (date_trunc('month', build.as_of + 1) - interval '1 month')::date) as now_to,
        covered.first_month > periods.base_from as lacks_beginning,
        build.as_of >= (periods.now_to + interval '1 month')::date - 1 as is_over
    from periods
    cross join covered
    inner join build on periods.now_from <= build.as_of
    where covered.first_month <= periods.base_to
)

select
    label
    || case when lacks_beginning then '（' || extract(month from base_from) || '月起）' else '' end
    || case when is_over then '' else '（未完）' end as label,
    base_from,
    least(base_to, (base_from + age(now_to, now_from))::date) as base_to,
    now_from,
    now_to
from begun
where now_from <= now_to
