with indicators as (
    select * from {{ ref('agg_indicator') }}
    where metric in ('complaints_received', 'cases_decided')
        and dimension in ('district', 'department')
        and period_grain != 'undated'
),

build as (
    select * from {{ ref('int_build') }}
),

paired as (
    select
        dimension,
        slice,
        period_grain,
        period_start,
        coalesce(max(n) filter (where metric = 'complaints_received'), 0) as complaint_count,
        coalesce(max(n) filter (where metric = 'cases_decided'), 0) as decided_case_count
    from indicators
    group by dimension, slice, period_grain, period_start
)

select
    paired.dimension,
    paired.slice,
    paired.period_grain,
    paired.period_start,
    paired.complaint_count,
    paired.decided_case_count,
    case
        when paired.decided_case_count >= {{ var('minimum_n') }}
            then 100.0 * paired.complaint_count / paired.decided_case_count
    end as complaints_per_hundred,
    paired.decided_case_count >= {{ var('minimum_n') }} as is_sample_sufficient,
    build.as_of,
    build.calendar_version,
    build.rule_version
from paired
cross join build
where paired.complaint_count > 0 or paired.decided_case_count > 0
