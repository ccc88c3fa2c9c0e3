{#-
  Rates of which 100 % month after month is too good. Six months: as the rule always_on_time of the issue log. On fewer
  than three times minimum_n a good department may well have it by chance.
-#}
{%- set watched = [
    'on_time_rate', 'satisfaction_rate', 'callback_answer_rate', 'callback_satisfaction_rate', 'question_reply_rate',
    'question_same_day_rate', 'problem_feedback_in_time_rate', 'problem_path_in_time_rate', 'problem_progress_in_time_rate'
] -%}
{%- set least_months = 6 -%}

with months as (
    select * from {{ ref('agg_indicator') }}
    where metric in ('{{ watched | join("', '") }}')
        and dimension in ('district', 'department')
        and period_grain = 'month'
        and n > 0
        and period_start < date_trunc('month', {{ as_of() }} + 1)
),

build as (
    select * from {{ ref('int_build') }}
),

numbered as (
    select
        months.*,
        numerator = denominator as is_flat,
        max(period_start) over (partition by metric, dimension, slice) as latest_month,
        row_number() over (partition by metric, dimension, slice, numerator = denominator order by period_start)
        - row_number() over (partition by metric, dimension, slice order by period_start) as run
    from months
),

series as (
    select
        metric,
        min(metric_name) as metric_name,
        dimension,
        slice,
        min(period_start) as first_month,
        max(period_start) as last_month,
        count(*)::integer as month_count,
        sum(n)::bigint as n,
        min(n) as least_n,
        min(grain) as grain,
        max(period_start) = max(latest_month) as is_ongoing
    from numbered
    where is_flat
    group by metric, dimension, slice, run
    having count(*) >= {{ least_months }} and sum(n) >= {{ 3 * var('minimum_n') }}
)

select
    series.*,
    '连续 ' || month_count || ' 个月 100%（共 ' || n || ' ' || grain || '，最少一月 ' || least_n
    || '）：是警示，不是成绩，请抽查原始记录' as remark,
    build.as_of,
    build.calendar_version,
    build.rule_version
from series
cross join build
