with indicators as (
    select * from {{ ref('agg_indicator') }}
)

select
    slice as department_name,
    metric,
    metric_name,
    n,
    numerator,
    value,
    wilson_low,
    wilson_high,
    case
        when not is_sample_sufficient then '样本不足'
        else to_char(100 * value, 'FM990.0') || '%'
            || coalesce('（' || to_char(100 * wilson_low, 'FM990.0') || '%–' || to_char(100 * wilson_high, 'FM990.0') || '%）', '')
    end as rate_text,
    as_of,
    calendar_version,
    rule_version
from indicators
where dimension = 'department'
    and period_grain = 'all'
    and metric in ('bypass_rate_lower', 'bypass_rate_upper', 'backfill_rate', 'order_break_rate', 'reset_rate')
