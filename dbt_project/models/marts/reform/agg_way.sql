{#- 审批方式 and joint handling, one figure a row: what the dashboard reads, so that it need not look through agg_indicator. -#}
{%- set grants = metric('mode_grant_count') -%}
{%- set at_once = metric('mode_at_once_rate') -%}

with uses as (
    select * from {{ ref('fct_case_mode') }}
),

indicators as (
    select * from {{ ref('agg_indicator') }}
),

build as (
    select * from {{ ref('int_build') }}
),

-- of a mode and an item, over all years
used as (
    select
        mode_name,
        coalesce(item_name, '未标明') as item_name,
        ({{ grants.sql }})::numeric as grant_count,
        ({{ at_once.numerator_sql }})::numeric as at_once_count
    from uses
    group by mode_name, item_name
),

figures as (
    select
        mode_name as way_name,
        item_name as scope_name,
        'mode_grant_count' as metric,
        '{{ grants.label }}' as metric_name,
        grant_count::bigint as n,
        null::numeric as numerator,
        grant_count as value,
        true as is_count
    from used
    where grant_count > 0
    union all
    select
        mode_name,
        item_name,
        'mode_at_once_rate',
        '{{ at_once.label }}',
        grant_count::bigint,
        at_once_count,
        case when grant_count >= {{ var('minimum_n') }} then at_once_count / grant_count end,
        false
    from used
    where grant_count > 0
    union all
    select
        case when metric = 'parallel_rate' then '并联审批' else '联合验收' end,
        slice,
        metric,
        metric_name,
        n,
        numerator,
        value,
        false
    from indicators
    where metric in ('parallel_rate', 'joint_acceptance_rate', 'joint_acceptance_first_pass_rate')
        and dimension in ('district', 'flow_type')
        and period_grain = 'all'
        and n > 0
)

select
    figures.way_name,
    figures.scope_name,
    figures.metric,
    figures.metric_name,
    figures.n,
    figures.numerator,
    figures.value,
    case
        when figures.is_count then figures.n || '件'
        when figures.value is null then '样本不足'
        else to_char(100 * figures.value, 'FM990.0') || '%（' || figures.numerator || '/' || figures.n || '）'
    end as value_text,
    build.as_of,
    build.calendar_version,
    build.rule_version
from figures
cross join build
