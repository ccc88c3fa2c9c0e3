{#- Share of the decided cases of the items a mode may be used for (rules R10, R11): n/N, never n alone. -#}

with cases as not materialized (
    select * from {{ ref('fct_item_instance') }}
    where is_decided and not has_order_error
),

uses as (
    select * from {{ ref('fct_case_mode') }}
),

modes as (
    select * from {{ ref('approval_modes') }}
),

build as (
    select * from {{ ref('int_build') }}
),

-- where neither the sender says nor a ledger tells of any case of the item, nobody knows
told as (
    select
        cases.*,
        cases.is_commitment is not null or cases.item_code in (
            select item_code from uses where mode_name = '告知承诺' and ledger_department is not null and item_code is not null
        ) as is_commitment_told
    from cases
),

-- decided cases by what decides whether a mode may be used
volumes as (
    select
        item_name,
        extract(year from decided_date)::integer as decided_year,
        count(*) as case_count,
        count(*) filter (where allows_commitment and is_commitment_told) as commitment_case_count,
        count(*) filter (where allows_commitment and not is_commitment_told) as commitment_unknown_count
    from told
    group by item_name, decided_year
),

applicable as (
    select
        modes.mode_name,
        volumes.decided_year,
        sum(case when modes.mode_name = '告知承诺' then volumes.commitment_case_count else volumes.case_count end) as n,
        sum(case when modes.mode_name = '告知承诺' then volumes.commitment_unknown_count else 0 end) as unknown_count
    from modes
    inner join volumes on modes.item_name = volumes.item_name or modes.item_name is null
    group by modes.mode_name, volumes.decided_year
),

used as (
    select
        uses.mode_name,
        extract(year from uses.decided_date)::integer as decided_year,
        count(distinct uses.case_id) filter (where uses.is_applicable) as used_count,
        count(distinct uses.case_id) as use_count,
        {%- for name, state in {
            'in_time': '按期', 'late': '逾期办理', 'overdue': '逾期未办', 'not_due': '未到期'
        }.items() %}
        count(*) filter (where uses.duty_state_name = '{{ state }}' and not uses.is_repeated) as {{ name }}_count,
        {%- endfor %}
        count(*) filter (where uses.is_duty_unknown and not uses.is_repeated) as duty_unknown_count,
        count(*) filter (where uses.result_name = '不实' and not uses.is_repeated) as untrue_count
    from uses
    inner join cases using (case_id)
    where uses.is_known_mode
    group by uses.mode_name, decided_year
),

yearly as (
    select * from applicable
    full join used using (mode_name, decided_year)
),

-- a year, and all years together (null)
figures as (
    select
        mode_name,
        decided_year,
        coalesce(sum(n), 0)::bigint as denominator,
        coalesce(sum(used_count), 0)::bigint as numerator,
        coalesce(sum(unknown_count), 0)::bigint as unknown_count,
        coalesce(sum(use_count), 0)::bigint as use_count,
        coalesce(sum(in_time_count), 0)::bigint as in_time_count,
        coalesce(sum(late_count), 0)::bigint as late_count,
        coalesce(sum(overdue_count), 0)::bigint as overdue_count,
        coalesce(sum(not_due_count), 0)::bigint as not_due_count,
        coalesce(sum(duty_unknown_count), 0)::bigint as duty_unknown_count,
        coalesce(sum(untrue_count), 0)::bigint as untrue_count
    from yearly
    group by grouping sets ((mode_name, decided_year), (mode_name))
)

select
    figures.mode_name,
    figures.decided_year,
    coalesce(figures.decided_year || '年', '合计') as period_name,
    figures.numerator as used_count,
    figures.denominator as applicable_count,
    figures.unknown_count,
    case when figures.denominator >= {{ var('minimum_n') }}
        then figures.numerator::numeric / nullif(figures.denominator, 0)
    end as used_share,
    case when figures.denominator >= {{ var('minimum_n') }} then {{ var('wilson_interval')[0] }} end as wilson_low,
    case when figures.denominator >= {{ var('minimum_n') }} then {{ var('wilson_interval')[1] }} end as wilson_high,
    figures.use_count,
    figures.in_time_count,
    figures.late_count,
    figures.overdue_count,
    figures.not_due_count,
    figures.duty_unknown_count,
    figures.untrue_count,
    nullif(concat_ws(
        '；',
        case when figures.denominator < {{ var('minimum_n') }} then '样本不足' end,
        case when figures.unknown_count > 0 then format('%s件来源未说明，不在分母中', figures.unknown_count) end,
        case when figures.denominator >= {{ var('minimum_n') }} and figures.numerator = figures.denominator
            then '比例为100%，请核对来源' end
    ), '') as remark,
    build.as_of,
    build.calendar_version,
    build.rule_version
from figures
cross join build
