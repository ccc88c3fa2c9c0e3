-- investment is told by month: of a window that begins or ends within one, only whole months can be counted
with dated as (
    select
        start_windows.*,
        last_day - first_day + 1 as window_days,
        case start_rule
            when 'investment' then (date_trunc('month', first_day - 1) + interval '1 month')::date
            else first_day
        end as counted_from,
        case start_rule
            when 'investment' then date_trunc('month', last_day + 1)::date - 1
            else last_day
        end as counted_to,
        date_trunc('year', first_day)::date as year_first_day,
        (date_trunc('year', first_day) + interval '1 year' - interval '1 day')::date as year_last_day
    from {{ ref('start_windows') }} as start_windows
),

windows as (
    select
        dated.*,
        greatest(counted_to - counted_from + 1, 0) as counted_days
    from dated
),

lifecycles as (
    select * from {{ ref('int_project_lifecycles') }}
    where not is_household_pv
),

investments as (
    select * from {{ ref('fct_investment_month') }}
    where done_wan > 0
),

build as (
    select * from {{ ref('int_build') }}
),

-- a project starts once, on the day the rule says
starts as (
    select
        'permit' as start_rule,
        project_code,
        construction_permit_date as started_on
    from lifecycles
    where construction_permit_date is not null
    union all
    select
        'investment' as start_rule,
        project_code,
        min(month) as started_on
    from investments
    where project_code is not null
    group by project_code
),

-- with its first month a ledger of investment tells of everything that was already under way
recorded as (
    select min(month) as investments_from from investments
),

nameless as (
    select count(*)::integer as row_count
    from investments
    where project_code is null
),

tallied as (
    select
        windows.window_name,
        windows.start_rule,
        {%- for years, prefix in [(0, ''), (1, 'previous_')] %}
        (
            count(*) filter (
                where starts.started_on between windows.counted_from - interval '{{ years }} year'
                    and windows.counted_to - interval '{{ years }} year'
            )
        )::integer as {{ prefix }}start_count,
        (
            count(*) filter (
                where starts.started_on between windows.year_first_day - interval '{{ years }} year'
                    and windows.year_last_day - interval '{{ years }} year'
            )
        )::integer as {{ prefix }}year_start_count{{ "," if not loop.last }}
        {%- endfor %}
    from windows
    left join starts using (start_rule)
    group by windows.window_name, windows.start_rule
),

counted as (
    select
        tallied.*,
        coalesce(
            tallied.start_rule = 'investment'
            and recorded.investments_from >= windows.year_first_day - interval '1 year'
            and recorded.investments_from < windows.year_first_day,
            false
        ) as has_incomplete_previous_year,
        tallied.start_rule = 'investment' and recorded.investments_from between windows.year_first_day and windows.year_last_day
            as begins_with_records
    from tallied
    inner join windows using (window_name, start_rule)
    cross join recorded
)

select
    counted.window_name || ':' || counted.start_rule as window_id,
    counted.window_name,
    counted.start_rule,
    case counted.start_rule when 'permit' then '首张施工许可' else '首月纳统投资' end as start_rule_name,
    windows.first_day,
    windows.last_day,
    windows.window_days,
    windows.counted_days,
    windows.last_day <= build.as_of as is_window_over,
    windows.year_last_day <= build.as_of as is_year_over,
    counted.start_count,
    counted.year_start_count,
    case
        when windows.year_last_day <= build.as_of and counted.year_start_count >= {{ var('minimum_n') }}
            then counted.start_count::numeric / counted.year_start_count
    end as window_share,
    windows.counted_days::numeric / (windows.year_last_day - windows.year_first_day + 1) as even_share,
    -- a year without a single start is a year without records
    case when counted.previous_year_start_count > 0 and not counted.has_incomplete_previous_year
        then counted.previous_start_count
    end as previous_start_count,
    case when not counted.has_incomplete_previous_year then nullif(counted.previous_year_start_count, 0) end
        as previous_year_start_count,
    case
        when counted.previous_year_start_count >= {{ var('minimum_n') }} and not counted.has_incomplete_previous_year
            then counted.previous_start_count::numeric / counted.previous_year_start_count
    end as previous_window_share,
    case when counted.start_rule = 'investment' then nameless.row_count else 0 end as nameless_row_count,
    nullif(concat_ws(
        '；',
        case
            when windows.counted_days = 0 then '投资按月报，时段内没有整月，无从计数'
            when windows.counted_days != windows.window_days
                then format(
                    '投资按月报，只计%s至%s的整月，共%s天',
                    to_char(windows.counted_from, 'YYYY-MM'), to_char(windows.counted_to, 'YYYY-MM'), windows.counted_days
                )
        end,
        case
            when counted.has_incomplete_previous_year
                then format('纳统台账自%s始，当月已在建的分不出来，不能与上年同期比', to_char(recorded.investments_from, 'YYYY-MM'))
            when counted.previous_year_start_count = 0 then '上年没有开工记录，不能与上年同期比'
        end,
        case when counted.begins_with_records
            then format('纳统台账自%s始，当月已在建的也算作新开工', to_char(recorded.investments_from, 'YYYY-MM'))
        end,
        case when counted.previous_year_start_count > 0 and windows.last_day > build.as_of
            then '时段未完，上年为整个时段'
        end
    ), '') as remark,
    build.as_of,
    build.calendar_version,
    build.rule_version
from counted
inner join windows using (window_name, start_rule)
cross join nameless
cross join recorded
cross join build
-- a window that has not begun, or whose year ended before anything here did, is not this district's
where windows.first_day <= build.as_of and windows.year_last_day >= (select min(started_on) from starts)
