with periods as (
    select * from {{ ref('comparison_periods') }}
),

records as (
    select * from {{ ref('int_record_span') }}
),

build as (
    select * from {{ ref('int_build') }}
),

-- a month that is not over is left out of both periods
begun as (
    select
        periods.*,
        least(periods.now_to, (date_trunc('month', build.as_of + 1) - interval '1 month')::date) as now_until,
        build.as_of >= (periods.now_to + interval '1 month')::date - 1 as is_over
    from periods
    cross join records
    inner join build on periods.now_from <= build.as_of
    where records.first_month <= periods.now_to
)

select
    label || case when is_over then '' else '（未完）' end as label,
    base_from,
    least(base_to, (base_from + age(now_until, now_from))::date) as base_to,
    now_from,
    now_until as now_to
from begun
where now_from <= now_until
