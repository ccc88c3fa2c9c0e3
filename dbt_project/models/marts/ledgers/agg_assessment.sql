with points as (
    select * from {{ ref('agg_assessment_point') }}
),

appeals as (
    select * from {{ ref('fct_assessment_appeal') }}
),

calendar as (
    select * from {{ ref('int_calendar') }}
),

build as (
    select * from {{ ref('int_build') }}
),

scored as (
    select
        period_grain,
        period_name,
        period_start,
        period_end,
        department_id,
        department_name,
        sum(points) as points,
        coalesce(sum(weight) filter (where is_sample_sufficient), 0) as covered_weight,
        bool_and(is_sample_sufficient) as is_comparable,
        string_agg(indicator_name, '、' order by weight desc, indicator_name) filter (where not is_sample_sufficient)
            as missing_indicators,
        min(n) as least_n
    from points
    group by period_grain, period_name, period_start, period_end, department_id, department_name
),

objected as (
    select
        period_grain,
        period_start,
        department_name,
        count(*)::integer as appeal_count,
        (count(*) filter (where result_name in ('采纳', '部分采纳')))::integer as upheld_appeal_count
    from appeals
    where is_in_time
    group by period_grain, period_start, department_name
),

-- one objection that waits holds up everybody's rank
waiting as (
    select
        period_grain,
        period_start,
        count(*)::integer as open_appeal_count
    from appeals
    where is_in_time and not is_decided
    group by period_grain, period_start
),

stated as (
    select
        scored.*,
        coalesce(objected.appeal_count, 0) as appeal_count,
        coalesce(objected.upheld_appeal_count, 0) as upheld_appeal_count,
        coalesce(waiting.open_appeal_count, 0) as open_appeal_count,
        case
            when scored.period_end >= build.as_of then '草案'
            when today.working_day_number - last_day.working_day_number > {{ var('assessment_appeal_working_days') }}
                and waiting.open_appeal_count is null then '已公布'
            else '申诉中'
        end as state_name,
        build.as_of,
        build.calendar_version,
        build.rule_version
    from scored
    cross join build
    left join objected using (period_grain, period_start, department_name)
    left join waiting using (period_grain, period_start)
    left join calendar as today on today.date_day = build.as_of
    left join calendar as last_day on last_day.date_day = scored.period_end
),

compared as (
    select
        stated.*,
        (count(*) filter (where is_comparable) over (partition by period_grain, period_start))::integer as comparable_count
    from stated
)

select
    period_grain,
    period_name,
    period_start,
    period_end,
    department_id,
    department_name,
    state_name,
    points,
    covered_weight,
    is_comparable,
    missing_indicators,
    least_n,
    case
        when state_name = '已公布' and is_comparable and comparable_count > 1
            then (rank() over (partition by period_grain, period_start, is_comparable order by points desc))::integer
    end as rank_number,
    comparable_count,
    case
        when not is_comparable then '样本不足：' || missing_indicators
        when state_name != '已公布' then state_name || '，尚不排名'
        when comparable_count = 1 then '只有一个部门可比，不排名'
    end as remark,
    appeal_count,
    upheld_appeal_count,
    open_appeal_count,
    as_of,
    calendar_version,
    rule_version
from compared
