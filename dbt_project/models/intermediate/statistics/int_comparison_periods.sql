with periods as (
    select * from {{ ref('comparison_periods') }}
),

build as (
    select * from {{ ref('int_build') }}
),

begun as (
    select
        periods.*,
        least(periods.now_to, date_trunc('month', build.as_of)::date) as now_until,
        build.as_of >= (periods.now_to + interval '1 month')::date - 1 as is_over
    from periods
    inner join build on periods.now_from <= build.as_of
)

select
    label || case when is_over then '' else '（未完）' end as label,
    base_from,
    least(base_to, (base_from + age(now_until, now_from))::date) as base_to,
    now_from,
    now_until as now_to
from begun
