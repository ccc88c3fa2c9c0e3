{#- What a measure claims, and beside it what its item's cases show: a year before and a year after, the same months. -#}
{%- set counted = {
    'item': ['事项', '项', '事项数'], 'step': ['环节', '个', '环节数'], 'document': ['材料', '份', '材料份数'],
    'page': ['材料', '页', '材料页数'], 'visit': ['跑动', '次', '跑动次数']
} -%}

with measures as (
    {{ feed_union('measures', measure_columns()) }}
),

cases as (
    select * from {{ ref('fct_item_instance') }}
),

items as (
    select * from {{ ref('int_current_items') }}
),

catalogue as (
    select * from {{ ref('dim_item') }}
    where is_current
),

claim_kinds as (
    select * from {{ ref('claim_kinds') }}
),

build as (
    select * from {{ ref('int_build') }}
),

windows as (
    select
        measures.*,
        measures.source_department || ':' || measures.measure_code as measure_id,
        measures.started_on <= build.as_of as is_started,
        (measures.started_on - interval '1 year')::date as before_from,
        (least((measures.started_on + interval '1 year')::date - 1, build.as_of) - interval '1 year')::date as before_to,
        measures.started_on as after_from,
        least((measures.started_on + interval '1 year')::date - 1, build.as_of) as after_to
    from measures
    cross join build
),

-- an open case is longer than any that was decided: fast ones alone would flatter the months just gone (rules C2.1)
observed as (
    select
        windows.measure_id,
        cases.accepted_date >= windows.after_from as is_after,
        cases.is_open,
        case when cases.is_open then double precision 'infinity' else cases.elapsed_working_days end as days,
        cases.elapsed_working_days as days_so_far
    from windows
    inner join cases
        on cases.item_code = windows.item_code
        and (
            cases.accepted_date between windows.before_from and windows.before_to
            or cases.accepted_date between windows.after_from and windows.after_to
        )
    where not cases.has_order_error
        and (cases.is_open or (cases.is_decided and cases.elapsed_working_days is not null))
),

medians as (
    select
        measure_id,
        {%- for side, condition in {'before': 'not is_after', 'after': 'is_after'}.items() %}
        (count(*) filter (where {{ condition }}))::integer as {{ side }}_n,
        (count(*) filter (where {{ condition }} and is_open))::integer as {{ side }}_open_n,
        percentile_cont(0.5) within group (order by days) filter (where {{ condition }}) as {{ side }}_median,
        {%- endfor %}
        -- as if every open case were decided today: the least that the median can come to
        percentile_cont(0.5) within group (order by days_so_far) filter (where is_after) as after_least_median
    from observed
    group by measure_id
),

measured as (
    select
        measure_id,
        before_n,
        after_n,
        before_open_n,
        after_open_n,
        after_least_median,
        {%- for side in ['before', 'after'] %}
        -- half or more of the cases are still open: 未达到
        case when {{ side }}_n >= {{ var('minimum_n') }} and {{ side }}_median < double precision 'infinity'
            then {{ side }}_median::numeric
        end as measured_days_{{ side }}{{ ',' if not loop.last }}
        {%- endfor %}
    from medians
),

judged as (
    select
        windows.*,
        items.item_name,
        items.item_code is not null as is_known_item,
        coalesce(measured.before_n, 0) as before_case_count,
        coalesce(measured.after_n, 0) as after_case_count,
        coalesce(measured.after_open_n, 0) as after_open_case_count,
        measured.measured_days_before,
        measured.measured_days_after,
        measured.after_least_median,
        coalesce(windows.legal_type_before != windows.legal_type_after, false) or coalesce(windows.kind_name = '办件类型变化', false)
            as is_legal_type_change,
        windows.limit_before_unit = windows.limit_after_unit as is_same_unit,
        case when num_nulls(windows.limit_before, windows.limit_after) < 2
            then concat(
                coalesce(windows.limit_before || coalesce(windows.limit_before_unit, ''), '未载明'),
                '→',
                coalesce(windows.limit_after || coalesce(windows.limit_after_unit, ''), '未载明')
            )
        end as limit_change,
        nullif(concat_ws(
            '；'
            {%- for thing, (name, unit, _) in counted.items() %},
            case when num_nulls(windows.{{ thing }}_count_before, windows.{{ thing }}_count_after) < 2
                then concat(
                    '{{ name }}', coalesce(windows.{{ thing }}_count_before || '{{ unit }}', '未载明'),
                    '→', coalesce(windows.{{ thing }}_count_after || '{{ unit }}', '未载明')
                )
            end
            {%- endfor %}
        ), '') as count_change,
        case when num_nulls(windows.legal_type_before, windows.legal_type_after) < 2
            then concat(coalesce(windows.legal_type_before, '未载明'), '→', coalesce(windows.legal_type_after, '未载明'))
        end as legal_type_change,
        -- what the catalogue says today where the ledger says that it was changed to something else
        nullif(concat_ws(
            '、',
            case when windows.limit_after_unit = '工作日' and catalogue.promised_unit = 'working_days'
                and windows.limit_after != catalogue.promised_limit
                then format('承诺时限%s个工作日', catalogue.promised_limit) end,
            case when windows.step_count_after != catalogue.step_count then format('环节%s个', catalogue.step_count) end,
            case when windows.document_count_after != catalogue.material_count
                then format('材料%s份', catalogue.material_count) end
        ), '') as catalogue_differs,
        claim_kinds.claim_class,
        case when num_nulls(windows.claimed_kind_name, windows.claimed_percent) < 2
            then concat(
                windows.claimed_kind_name, trim_scale(windows.claimed_percent),
                case when windows.claimed_percent is not null then coalesce(claim_kinds.unit, '%') end
            )
        end as claim,
        nullif(concat_ws(
            '、'
            {%- for thing, (_, _, noun) in counted.items() %},
            case when windows.{{ thing }}_count_before is null and windows.{{ thing }}_count_after is not null
                then '{{ noun }}' end
            {%- endfor %}
        ), '') as counts_without_before
    from windows
    left join claim_kinds using (claimed_kind_name)
    left join items using (item_code)
    left join catalogue using (item_code)
    left join measured using (measure_id)
),

-- two lines of one ledger by the same name that do not say the same
contradictory as (
    select source_department, measure_name, string_agg(distinct claim, '、' order by claim) as distinct_claims
    from judged
    group by source_department, measure_name
    having count(distinct claim) > 1
),

compared as (
    select
        judged.*,
        contradictory.distinct_claims,
        case
            when is_same_unit and coalesce(kind_name, '') != '归并阶段' and not is_legal_type_change
                then 1 - limit_after::numeric / nullif(limit_before, 0)
        end as limit_reduction,
        {%- for thing in counted %}
        case
            when coalesce(kind_name, '') != '归并阶段'
                then 1 - {{ thing }}_count_after::numeric / nullif({{ thing }}_count_before, 0)
        end as {{ thing }}_reduction,
        {%- endfor %}
        measured_days_after - measured_days_before as measured_change_days
    from judged
    left join contradictory using (source_department, measure_name)
),

remarked as (
    select
        compared.*,
        nullif(concat_ws(
            '；',
            case when compared.started_on is null then '未载明起始日期' when not compared.is_started then '尚未实施' end,
            case when compared.kind_name = '归并阶段' then '事项归为阶段，不是减少事项' end,
            case when compared.is_legal_type_change
                then coalesce('由' || compared.legal_type_before || '改为' || compared.legal_type_after || '，', '')
                || '是办件类型变化，不是提速' end,
            case when not compared.is_same_unit
                then format(
                    '时限单位不同（%s%s→%s%s），不算压缩率',
                    compared.limit_before, compared.limit_before_unit, compared.limit_after, compared.limit_after_unit
                ) end,
            case when compared.is_same_unit and compared.limit_after_unit in ('天', '日')
                then format('单位“%s”未说明是工作日还是自然日', compared.limit_after_unit) end,
            case when compared.limit_before is null and compared.limit_after is not null then '没有改革前时限，不算压缩率' end,
            '没有改革前' || compared.counts_without_before || '，不算压减率',
            case
                when compared.claim is null or compared.claim_class in ('time', 'stated') then null
                when compared.claimed_percent is null then format('“%s”没有载明数值，无从核对', compared.claim)
                when compared.claim_class = 'speed'
                    then format(
                        '“%s”有两种读法：用时减少%s%%，或单位时间办件增加%s%%（用时减少%s%%）',
                        compared.claim, trim_scale(compared.claimed_percent), trim_scale(compared.claimed_percent),
                        trim_scale(round(100 * compared.claimed_percent / (100 + compared.claimed_percent), 1))
                    )
                when compared.claim_class = 'cost' then format('没有合同和费用数据，“%s”无从核对', compared.claim)
                when compared.claim_class = 'earlier'
                    then format('没有对照组，不实行改革何时开工无从得知，“%s”无从核对', compared.claim)
                when compared.claim_class = 'material'
                    then case when compared.document_reduction is null
                        then format('这一条没有载明改革前后的材料份数，“%s”无从核对', compared.claim)
                    end
                when compared.claim_class = 'limit'
                    then case when compared.limit_reduction is null
                        then format('这一条没有载明改革前后的时限，“%s”无从核对', compared.claim)
                    end
                when compared.claim_class = 'share' then format('没有载明共有多少，“%s”无从核对', compared.claim)
                when compared.claim_class = 'target' then format('“%s”是目标，不是结果', compared.claim)
                when compared.claim_class = 'extreme'
                    then format('“%s”是最好的一例，不代表一般：须与件数、中位数一并报告', compared.claim)
                else format('“%s”所指没有说明，无从核对', compared.claim)
            end,
            case when compared.is_started then '与目录不一致：现行版本' || compared.catalogue_differs end,
            '同名举措载明的数不同（' || compared.distinct_claims || '），以何为准没有说明',
            case
                when compared.limit_after < compared.limit_before and compared.is_same_unit and compared.measured_change_days >= 0
                    and compared.after_least_median >= compared.measured_days_before
                    then '时限缩短，实测中位数没有缩短'
            end
        ), '') as claim_remark,
        case
            when compared.item_code is null and compared.claim_class = 'target' then '未对应单个事项，实测见全区相应指标'
            when compared.item_code is null then '未对应单个事项，无从实测'
            when not compared.is_known_item then '目录中没有此事项，无从实测'
            when least(compared.before_case_count, compared.after_case_count) < {{ var('minimum_n') }}
                then format('样本不足（前%s件、后%s件）', compared.before_case_count, compared.after_case_count)
            when compared.measured_days_after is null or compared.measured_days_before is null then '中位数未达到（半数以上在办）'
        end as measured_remark
    from compared
)

select
    remarked.measure_id,
    remarked.source_department,
    remarked.measure_code,
    remarked.measure_name,
    remarked.action_name,
    remarked.scope_name,
    remarked.kind_name,
    remarked.item_code,
    remarked.item_name,
    remarked.is_known_item,
    remarked.stage_number,
    remarked.started_on,
    date_trunc('month', remarked.started_on)::date as started_month,
    coalesce(remarked.is_started, false) as is_started,
    remarked.status_name,
    remarked.document_number,
    remarked.limit_before,
    remarked.limit_before_unit,
    remarked.limit_after,
    remarked.limit_after_unit,
    remarked.limit_change,
    remarked.limit_reduction,
    {%- for thing in counted %}
    remarked.{{ thing }}_count_before,
    remarked.{{ thing }}_count_after,
    remarked.{{ thing }}_reduction,
    {%- endfor %}
    remarked.fee_yuan_before,
    remarked.fee_yuan_after,
    remarked.count_change,
    remarked.legal_type_before,
    remarked.legal_type_after,
    remarked.legal_type_change,
    coalesce(remarked.is_legal_type_change, false) as is_legal_type_change,
    remarked.claimed_days_saved,
    remarked.claimed_percent,
    remarked.claimed_kind_name,
    nullif(concat_ws(
        '；',
        '时限' || remarked.limit_change,
        remarked.count_change,
        remarked.claim,
        '压缩' || remarked.claimed_days_saved || '天'
    ), '') as claim_text,
    remarked.before_case_count,
    remarked.after_case_count,
    remarked.after_open_case_count,
    remarked.measured_days_before,
    remarked.measured_days_after,
    remarked.measured_change_days,
    remarked.claim_remark,
    nullif(concat_ws('；', remarked.claim_remark, remarked.measured_remark), '') as remark,
    remarked.batch_id,
    remarked.row_number,
    build.as_of,
    build.calendar_version,
    build.rule_version
from remarked
cross join build
