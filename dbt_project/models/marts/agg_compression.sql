{#-
  较基期压缩率 = 1 - T(now, at the base's mix) / T(base), the plain one over decided cases; agg_change has the honest one,
  with open cases and intervals. Days and exclusions are those of the metric mean_elapsed_days, strata those of agg_change.
-#}
{%- set elapsed = metric('mean_elapsed_days') -%}
{%- set promises = {
    'promise_compression': metric('promise_compression_cases'),
    'actual_vs_statutory': metric('actual_vs_statutory'),
    'actual_vs_promised': metric('actual_vs_promised'),
} -%}

with cases as (
    select * from {{ ref('fct_item_instance') }}
    where closed_month is not null
),

build as (
    select * from {{ ref('int_build') }}
),

periods as (
    select * from {{ ref('int_case_comparison_periods') }}
),

sided as (
    select
        periods.label,
        cases.closed_month >= periods.now_from as is_now,
        cases.*
    from cases
    inner join periods
        on cases.closed_month between periods.base_from and periods.base_to
        or cases.closed_month between periods.now_from and periods.now_to
),

cells as (
    select
        label,
        is_now,
        {{ stratum_columns() }},
        min(department_name) as department_name,
        min(stage_name) as stage_name,
        min(flow_type_name) as flow_type_name,
        min(item_name) as item_name,
        {{ elapsed.n_sql }} as n,
        ({{ elapsed.sql }}) * ({{ elapsed.n_sql }}) as days,
        {%- for name, promise in promises.items() %}
        {{ promise.numerator_sql }} as {{ name }}_numerator,
        {{ promise.denominator_sql }} as {{ name }}_denominator,
        {{ promise.n_sql }} as {{ name }}_n,
        {%- endfor %}
        {%- for reason in elapsed.exclusions %}
        {{ reason.sql }} as excluded_{{ loop.index }},
        {%- endfor %}
        count(*) as cohort
    from sided
    group by label, is_now, {{ stratum_columns() }}
),

paired as (
    select
        label,
        {{ stratum_columns() }},
        min(department_name) as department_name,
        min(stage_name) as stage_name,
        min(flow_type_name) as flow_type_name,
        min(item_name) as item_name,
        {%- for side, condition in {'base': 'not is_now', 'now': 'is_now'}.items() %}
        coalesce(sum(n) filter (where {{ condition }}), 0) as {{ side }}_n,
        coalesce(sum(days) filter (where {{ condition }}), 0) as {{ side }}_days,
        {%- for name in promises %}
        sum({{ name }}_numerator) filter (where {{ condition }}) as {{ side }}_{{ name }}_numerator,
        sum({{ name }}_denominator) filter (where {{ condition }}) as {{ side }}_{{ name }}_denominator,
        sum({{ name }}_n) filter (where {{ condition }}) as {{ side }}_{{ name }}_n,
        {%- endfor %}
        {%- for reason in elapsed.exclusions %}
        coalesce(sum(excluded_{{ loop.index }}) filter (where {{ condition }}), 0) as {{ side }}_excluded_{{ loop.index }},
        {%- endfor %}
        {%- endfor %}
        sum(cohort) as cohort
    from cells
    group by label, {{ stratum_columns() }}
),

sliced as (
    select
        paired.*,
        slices.dimension,
        slices.slice,
        base_n > 0 and now_n > 0 as is_shared
    from paired
    cross join lateral (
        values
        ('district', '全区'),
        ('department', coalesce(department_name, '未标明')),
        ('stage', coalesce(stage_name, '未标明')),
        ('flow_type', coalesce(flow_type_name, '未标明')),
        ('item', coalesce(item_name, '未标明'))
    ) as slices (dimension, slice)
),

summed as (
    select
        label,
        dimension,
        slice,
        {%- for side in ['base', 'now'] %}
        sum({{ side }}_n)::bigint as {{ side }}_n,
        sum({{ side }}_days) / nullif(sum({{ side }}_n), 0) as {{ side }}_mean_days,
        {%- for name in promises %}
        case when sum({{ side }}_{{ name }}_n) >= {{ var('minimum_n') }}
            then sum({{ side }}_{{ name }}_numerator)::numeric / nullif(sum({{ side }}_{{ name }}_denominator), 0)
        end as {{ side }}_{{ name }},
        {%- endfor %}
        jsonb_strip_nulls(jsonb_build_object(
            {%- for reason in elapsed.exclusions %}
            '{{ reason.name }}', nullif(sum({{ side }}_excluded_{{ loop.index }}), 0)::bigint{{ ',' if not loop.last }}
            {%- endfor %}
        )) as {{ side }}_excluded,
        {%- endfor %}
        count(*) filter (where is_shared)::integer as shared_stratum_count,
        sum(base_n) filter (where is_shared) / nullif(sum(base_n), 0) as covered_share,
        sum(now_n) filter (where is_shared)::bigint as shared_now_n,
        sum(base_n) filter (where is_shared)::bigint as shared_base_n,
        sum(base_days) filter (where is_shared) / nullif(sum(base_n) filter (where is_shared), 0) as shared_base_mean_days,
        sum(base_n * now_days / nullif(now_n, 0)) filter (where is_shared)
        / nullif(sum(base_n) filter (where is_shared), 0) as now_mean_days_at_base_mix
    from sliced
    group by label, dimension, slice
),

compared as (
    select
        summed.*,
        least(coalesce(shared_base_n, 0), coalesce(shared_now_n, 0)) >= {{ var('minimum_n') }} as is_sample_sufficient,
        1 - now_mean_days_at_base_mix / nullif(shared_base_mean_days, 0) as compression
    from summed
)

select
    compared.label as comparison,
    periods.base_from,
    periods.base_to,
    periods.now_from,
    periods.now_to,
    compared.dimension,
    compared.slice,
    compared.base_n,
    compared.now_n,
    compared.base_excluded,
    compared.now_excluded,
    compared.shared_stratum_count,
    compared.covered_share,
    case when compared.base_n >= {{ var('minimum_n') }} then compared.base_mean_days end as base_mean_days,
    case when compared.now_n >= {{ var('minimum_n') }} then compared.now_mean_days end as now_mean_days,
    case when is_sample_sufficient then compared.shared_base_mean_days end as shared_base_mean_days,
    case when is_sample_sufficient then compared.now_mean_days_at_base_mix end as now_mean_days_at_base_mix,
    case when is_sample_sufficient then compared.compression end as compression_against_base,
    -- the same saving as a rise of the work done in a day: the other thing that 效率提升 may mean
    case when is_sample_sufficient then compared.compression / nullif(1 - compared.compression, 0) end as throughput_gain,
    compared.base_promise_compression,
    compared.now_promise_compression,
    compared.base_actual_vs_statutory,
    compared.now_actual_vs_statutory,
    compared.base_actual_vs_promised,
    compared.now_actual_vs_promised,
    compared.is_sample_sufficient,
    build.as_of,
    build.calendar_version,
    build.rule_version
from compared
inner join periods using (label)
cross join build
