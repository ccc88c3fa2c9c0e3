with scheme as (
    select * from {{ ref('assessment_indicators') }}
),

months as (
    select * from {{ ref('agg_indicator') }}
    where dimension = 'department' and period_grain = 'month' and slice != '未标明'
),

appeals as (
    select * from {{ ref('fct_assessment_appeal') }}
),

-- two that are called the same are one to the indicators, and nobody's own
departments as (
    select
        department_name,
        case when count(*) = 1 then min(department_id) end as department_id
    from {{ ref('int_departments') }}
    group by department_name
),

build as (
    select * from {{ ref('int_build') }}
),

-- what the months of a period hold together: rates are divided after their parts were added up
summed as (
    select
        scheme.period_grain,
        {{ assessment_period_start('scheme.period_grain', 'months.period_start') }} as period_start,
        scheme.metric,
        months.slice as department_name,
        sum(months.n)::bigint as n,
        sum(months.numerator) as numerator,
        sum(months.denominator) as denominator
    from scheme
    inner join months using (metric)
    where months.period_start <= {{ as_of() }}
    group by 1, 2, 3, 4
),

-- a department is assessed by every indicator of the scheme, also where nothing was counted
assessed as (
    select distinct
        period_grain,
        period_start,
        department_name
    from summed
    where n > 0
),

measured as (
    select
        assessed.period_grain,
        assessed.period_start,
        {{ assessment_period_end('assessed.period_grain', 'assessed.period_start') }} as period_end,
        assessed.department_name,
        scheme.metric,
        scheme.indicator_name,
        scheme.weight,
        scheme.target,
        scheme.zero_at,
        coalesce(summed.n, 0) as n,
        summed.numerator,
        summed.denominator,
        coalesce(summed.n, 0) >= {{ var('minimum_n') }} as is_sample_sufficient,
        case
            when summed.n >= {{ var('minimum_n') }} then summed.numerator / nullif(summed.denominator, 0)
        end as value
    from assessed
    inner join scheme using (period_grain)
    left join summed using (period_grain, period_start, department_name, metric)
),

objected as (
    select
        period_grain,
        period_start,
        department_name,
        metric,
        count(*)::integer as appeal_count,
        (count(*) filter (where result_name in ('采纳', '部分采纳')))::integer as upheld_appeal_count
    from appeals
    where is_in_time
    group by period_grain, period_start, department_name, metric
)

select
    measured.period_grain,
    {{ assessment_period_name('measured.period_grain', 'measured.period_start') }} as period_name,
    measured.period_start,
    measured.period_end,
    departments.department_id,
    measured.department_name,
    measured.metric,
    measured.indicator_name,
    measured.weight,
    measured.target,
    measured.zero_at,
    measured.n,
    measured.numerator,
    measured.denominator,
    measured.value,
    measured.is_sample_sufficient,
    case
        when measured.value is not null
            then measured.weight * greatest(0, least(1, (measured.value - measured.zero_at) / (measured.target - measured.zero_at)))
    end as points,
    coalesce(objected.appeal_count, 0) as appeal_count,
    coalesce(objected.upheld_appeal_count, 0) as upheld_appeal_count,
    build.as_of,
    build.calendar_version,
    build.rule_version
from measured
cross join build
left join departments using (department_name)
left join objected using (period_grain, period_start, department_name, metric)
