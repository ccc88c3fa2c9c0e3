{#-
  agg_indicator from the compiled metrics (var('metrics')): what can be added up (counts and sums) is read off each mart
  once, however many metrics and dates it has, and everything else is done on that.

  Rows are put into cells: every slice × every date by which a metric of the mart is put into periods. Of these follow
  the months of each date, and the groupings over them, which cost nothing on a mart of millions. Medians and percentiles
  cannot be added up: they are read off how often each value is met, which can. What is counted of cases stands from the
  build before and was added to (macros/case_counts.sql).
-#}

{#- Metrics by mart, and there by the date they come into periods by: {mart: {model, scope, slices, groups: {key: {date, metrics}}}}. -#}
{% macro metric_marts() -%}
{%- set marts = {} -%}
{%- for metric in var('metrics') -%}
    {%- set mart = marts.setdefault(metric.model ~ ('__scoped' if metric.scope else ''), {
        'model': metric.model, 'scope': metric.scope or 'true', 'slices': metric.slices, 'groups': {},
        'is_counted': metric.model == 'fct_item_instance'
    }) -%}
    {%- set key = metric.model ~ '__' ~ (metric.cohort_column or 'in_force') -%}
    {%- set group = mart.groups.setdefault(key, {'date': metric.cohort_column, 'metrics': []}) -%}
    {%- do group.metrics.append(metric) -%}
{%- endfor -%}
{{ return(marts) }}
{%- endmacro %}

{#- The distinct aggregates of metrics that can be added up, in the order they are first met. -#}
{% macro additive_aggregates(metrics) -%}
{%- set found = [] -%}
{%- for metric in metrics -%}
    {%- set wanted = [metric.n_sql] + metric.exclusions | map(attribute='sql') | list -%}
    {%- set wanted = wanted + [metric.numerator_sql, metric.denominator_sql, metric.total_sql] -%}
    {%- for aggregate in wanted if aggregate and aggregate not in found -%}{%- do found.append(aggregate) -%}{%- endfor -%}
{%- endfor -%}
{{ return(found) }}
{%- endmacro %}

{#- The CTEs of one mart, ending with figures_<key> for each of its dates: one row per metric, slice and period. -#}
{% macro mart_figures(name, mart) -%}
{%- set dates = mart.groups.values() | map(attribute='date') | select | list -%}
{%- set metrics = mart.groups.values() | map(attribute='metrics') | sum(start=[]) -%}
{%- set aggregates = additive_aggregates(metrics) -%}
cells_{{ name }} as (
    {%- if mart.is_counted %}
    select
        counts.*,
        {{ slice_columns(mart.slices) }}
    from {{ ref('int_case_months') }} as counts
    {%- else %}
    select
        {{ slice_columns(mart.slices) }},
        {%- for date in dates %}
        {{ date }},
        {%- endfor %}
        {%- for aggregate in aggregates %}
        {{ aggregate }} as part_{{ loop.index0 }},
        {%- endfor %}
        count(*) as cohort
    from {{ ref(mart.model) }}
    where {{ mart.scope }}
    group by {{ (slice_names(mart.slices) + dates) | join(', ') }}
    {%- endif %}
)
{%- for key, group in mart.groups.items() %},

{{ group_figures(name, key, group, mart, aggregates) }}
{%- endfor %}
{%- endmacro %}

{#- Of one mart's cells, the figures of the metrics that share a date. -#}
{% macro group_figures(name, key, group, mart, aggregates) -%}
{%- set slices = mart.slices -%}
{%- set keys = slice_names(slices) | join(', ') -%}
{%- set own_aggregates = additive_aggregates(group.metrics) -%}
{%- set percentiles = group.metrics | selectattr('values_sql') | list -%}
{%- set counts = case_count_columns()[group.date] if mart.is_counted -%}
months_{{ key }} as (
    select
        {{ keys }},
        {{ period_keys('month' if counts else group.date) }},
        {%- for aggregate in own_aggregates %}
        sum({{ counts[aggregate] if counts else 'part_' ~ aggregates.index(aggregate) }}) as part_{{ loop.index0 }},
        {%- endfor %}
        sum({{ counts[none] if counts else 'cohort' }}) as cohort
    from cells_{{ name }}
    {%- if counts %}
    where {{ counts[none] }} != 0
    {%- endif %}
    group by {{ keys }}, period_year, period_month
),

totals_{{ key }} as (
    select
        {{ slice_of_grouping(slices) }},
        {{ period_of_grouping(group.date) }},
        {%- for aggregate in own_aggregates %}
        sum(part_{{ loop.index0 }}) as part_{{ loop.index0 }},
        {%- endfor %}
        sum(cohort)::bigint as cohort
    from months_{{ key }}
    {{ grouping_clause(slices, group.date) }}
),
{% if percentiles %}
{{ quantile_ctes(key, group, mart, percentiles) }},
{% endif %}
figures_{{ key }} as (
    select
        totals.dimension,
        totals.slice,
        totals.period_grain,
        totals.period_start,
        totals.cohort,
        figures.metric,
        figures.n,
        figures.numerator,
        figures.denominator,
        {{ 'coalesce(figures.value, quantiles.quantile::numeric)' if percentiles else 'figures.value' }} as value,
        figures.excluded
    from totals_{{ key }} as totals
    cross join lateral (
        values
        {%- for metric in group.metrics %}
        (
            '{{ metric.name }}',
            part_{{ own_aggregates.index(metric.n_sql) }}::bigint,
            {%- if metric.numerator_sql %}
            {%- set numerator = figure_part(metric.numerator_sql, metric.n_sql, own_aggregates) %}
            {%- set denominator = figure_part(metric.denominator_sql, metric.n_sql, own_aggregates) %}
            {{ numerator }},
            {{ denominator }},
            {{ numerator }} / nullif({{ denominator }}, 0),
            {%- else %}
            null::numeric,
            null::numeric,
            {%- if metric.values_sql %}
            null::numeric,
            {%- else %}
            {{ figure_part(metric.total_sql, metric.n_sql, own_aggregates) }}{{ ' / nullif(part_' ~ own_aggregates.index(metric.n_sql) ~ ', 0)' if metric.is_mean }},
            {%- endif %}
            {%- endif %}
            {%- if metric.exclusions %}
            jsonb_strip_nulls(jsonb_build_object(
                {%- for exclusion in metric.exclusions %}
                '{{ exclusion.name }}', nullif(part_{{ own_aggregates.index(exclusion.sql) }}, 0)::bigint{{ ',' if not loop.last }}
                {%- endfor %}
            ))
            {%- else %}
            '{}'::jsonb
            {%- endif %}
        ){{ ',' if not loop.last }}
        {%- endfor %}
    ) as figures (metric, n, numerator, denominator, value, excluded)
    {%- if percentiles %}
    -- an infinite day for the periods without one: what is distinct or not cannot be hashed
    left join quantiles_{{ key }} as quantiles
        on quantiles.metric = figures.metric
        and quantiles.dimension = totals.dimension
        and quantiles.slice = totals.slice
        and quantiles.period_grain = totals.period_grain
        and coalesce(quantiles.period_start, '-infinity') = coalesce(totals.period_start, '-infinity')
    {%- endif %}
)
{%- endmacro %}

{#- A part of a figure. A sum over nothing is null, also where it was kept as counts, of which nothing is 0. -#}
{% macro figure_part(aggregate, n_sql, own_aggregates) -%}
{%- set part = 'part_' ~ own_aggregates.index(aggregate) -%}
{%- if aggregate.startswith('sum(') -%}
(case when part_{{ own_aggregates.index(n_sql) }} > 0 then {{ part }} end)::numeric
{%- else -%}
{{ part }}::numeric
{%- endif -%}
{%- endmacro %}

{#- The CTEs of the medians and percentiles of a group, ending with quantiles_<key>: one row per metric, slice and period. -#}
{% macro quantile_ctes(key, group, mart, percentiles) -%}
{%- set slices = mart.slices -%}
{%- set keys = slice_names(slices) | join(', ') -%}
{%- set measured = percentiles | map(attribute='values_sql') | unique | list -%}
{%- set fractions = percentiles | map(attribute='fraction') | unique | list -%}
{%- set measures = range(measured | length) | map('string') | map('replace', '', 'measure_', 1) | list -%}
{%- if mart.is_counted %}
{%- set names = case_measures()[group.date] %}
counted_{{ key }} as (
    select
        {{ slice_columns(slices) }},
        {{ period_keys('month') }},
        case measure
            {%- for expression in measured %}
            when '{{ names[expression] }}' then {{ loop.index0 }}
            {%- endfor %}
        end as measure,
        measured_value,
        case_count as value_count
    from {{ ref('int_case_value_counts') }}
    where measure in ('{{ names.values() | join("', '") }}')
),
{%- else %}
measured_{{ key }} as (
    select
        {{ slice_columns(slices) }},
        {{ period_keys(group.date) }},
        {%- for expression in measured %}
        ({{ expression }})::double precision as {{ measures[loop.index0] }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref(mart.model) }}
    where ({{ mart.scope }}){{ ' and ' ~ group.date ~ ' is not null' if group.date }}
),

-- how often each value is met: a measure by itself, whatever the others are
counted_{{ key }} as (
    select
        {{ keys }},
        period_year,
        period_month,
        case
            {%- for measure in measures %}
            when grouping({{ measure }}) = 0 then {{ loop.index0 }}
            {%- endfor %}
        end as measure,
        coalesce({{ measures | join(', ') }}) as measured_value,
        count(*) as value_count
    from measured_{{ key }}
    group by {{ keys }}, period_year, period_month, grouping sets (({{ measures | join('), (') }}))
),
{%- endif %}

sliced_{{ key }} as (
    select
        {{ slice_of_grouping(slices) }},
        period_year,
        period_month,
        measure,
        measured_value,
        sum(value_count) as value_count
    from counted_{{ key }}
    where measured_value is not null
    {{ grouping_clause(slices, false, ['period_year', 'period_month', 'measure', 'measured_value']) }}
),

spread_{{ key }} as (
    select
        dimension,
        slice,
        {{ period_of_grouping(group.date) }},
        measure,
        measured_value,
        sum(value_count) as value_count
    from sliced_{{ key }}
    {{ grouping_clause({}, group.date, ['dimension', 'slice', 'measure', 'measured_value']) }}
),

running_{{ key }} as (
    select
        spread.*,
        sum(value_count) over one_measure as total,
        sum(value_count) over (one_measure order by measured_value) as running
    from spread_{{ key }} as spread
    -- numbers before texts: they sort faster
    window one_measure as (partition by measure, period_start, slice, dimension, period_grain)
),

positioned_{{ key }} as (
    select
        dimension,
        slice,
        period_grain,
        period_start,
        measure,
        {%- for fraction in fractions %}
        {{ quantile_of_counts(fraction, 'measured_value', 'running', 'total') }} as quantile_{{ loop.index0 }}{{ ',' if not loop.last }}
        {%- endfor %}
    from running_{{ key }}
    group by measure, period_start, slice, dimension, period_grain
),

quantiles_{{ key }} as (
    select
        dimension,
        slice,
        period_grain,
        period_start,
        metric,
        quantile
    from positioned_{{ key }} as positioned
    inner join lateral (
        values
        {%- for metric in percentiles %}
        ('{{ metric.name }}', {{ measured.index(metric.values_sql) }}, quantile_{{ fractions.index(metric.fraction) }}){{ ',' if not loop.last }}
        {%- endfor %}
    ) as wanted (metric, measure, quantile) on wanted.measure = positioned.measure
)
{%- endmacro %}

{#- By what a mart can be split: a column slice_… for each. -#}
{% macro slice_columns(slices) -%}
{%- for slice, column in slices.items() -%}
coalesce(({{ column }})::text, '未标明') as slice_{{ slice }}{{ ',\n        ' if not loop.last }}
{%- endfor -%}
{%- endmacro %}

{#- The names of these columns. -#}
{% macro slice_names(slices) -%}
{{ return(slices.keys() | map('replace', '', 'slice_', 1) | list) }}
{%- endmacro %}

{#- The month and year a row is put into, where the group has a date: the columns period_year and period_month. -#}
{% macro period_keys(date) -%}
{%- if date -%}
date_trunc('year', {{ date }})::date as period_year,
        {{ date }} as period_month
{%- else -%}
null::date as period_year,
        null::date as period_month
{%- endif -%}
{%- endmacro %}

{#- Which slice a row grouped by grouping_clause is of: the columns dimension and slice. -#}
{% macro slice_of_grouping(slices) -%}
case
            {%- for slice in slices %}
            when grouping(slice_{{ slice }}) = 0 then '{{ slice }}'
            {%- endfor %}
            else 'district'
        end as dimension,
        coalesce({{ (slice_names(slices) + ["'全区'"]) | join(', ') }}) as slice
{%- endmacro %}

{#- And of which period: the columns period_grain and period_start. -#}
{% macro period_of_grouping(has_periods) -%}
{%- if has_periods -%}
case
            when grouping(period_month) = 0 and period_month is null then 'undated'
            when grouping(period_month) = 0 then 'month'
            when grouping(period_year) = 0 then 'year'
            else 'all'
        end as period_grain,
        coalesce(period_month, period_year) as period_start
{%- else -%}
'all' as period_grain,
        null::date as period_start
{%- endif -%}
{%- endmacro %}

{#- Every slice, and the whole district, over every month, every year and all time; undated rows are a month of their own. -#}
{% macro grouping_clause(slices, has_periods, further=[]) -%}
{%- set sets = [] -%}
{%- for slice in [[]] + slice_names(slices) | batch(1) | list -%}
    {%- for period in ([['period_year', 'period_month'], ['period_year'], []] if has_periods else [[]]) -%}
        {%- do sets.append('(' ~ (slice + period + further) | join(', ') ~ ')') -%}
    {%- endfor -%}
{%- endfor -%}
group by grouping sets ({{ sets | join(', ') }})
    {%- if has_periods %}
    having grouping(period_month) = 0 or grouping(period_year) = 1 or period_year is not null
    {%- endif %}
{%- endmacro %}

{#- A compiled metric by its name, for models that put figures side by side and so have no formula of their own. -#}
{% macro metric(name) -%}
{%- set found = var('metrics') | selectattr('name', 'equalto', name) | list -%}
{{ return(found[0] if found else {'sql': 'null::numeric', 'n_sql': '0', 'numerator_sql': 'null::numeric', 'denominator_sql': 'null::numeric', 'exclusions': []}) }}
{%- endmacro %}

{#- What makes cases alike when a period is put at another one's mix; agg_change splits by the same (yidang.statistics). -#}
{% macro stratum_columns() -%}
{{ var('strata') | join(', ') }}
{%- endmacro %}
