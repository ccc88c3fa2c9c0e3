{#-
  agg_indicator from the compiled metrics (var('metrics')), one pass over each mart and date.

  Counts and sums are taken once per cell (month × every slice) and the cells added up, so that the many groupings cost
  nothing on a mart of millions; medians and percentiles cannot be added up and are taken from the rows.
-#}

{#- Metrics that share a mart and the date they come into periods by: {key: {model, cohort_column, scope, slices, metrics}}. -#}
{% macro metric_groups() -%}
{%- set groups = {} -%}
{%- for metric in var('metrics') -%}
    {%- set key = metric.model ~ '__' ~ (metric.cohort_column or 'in_force') -%}
    {%- if key not in groups -%}
        {%- do groups.update({key: {
            'model': metric.model,
            'cohort_column': metric.cohort_column,
            'scope': metric.scope,
            'slices': metric.slices,
            'metrics': [],
        }}) -%}
    {%- endif -%}
    {%- do groups[key].metrics.append(metric) -%}
{%- endfor -%}
{{ return(groups) }}
{%- endmacro %}

{#- The distinct additive aggregates of a group of metrics, in the order they are first met. -#}
{% macro additive_aggregates(metrics) -%}
{%- set found = [] -%}
{%- for metric in metrics -%}
    {%- set wanted = [metric.n_sql] + metric.exclusions | map(attribute='sql') | list -%}
    {%- if metric.numerator_sql -%}{%- set wanted = wanted + [metric.numerator_sql, metric.denominator_sql] -%}{%- endif -%}
    {%- if metric.is_additive and not metric.numerator_sql -%}{%- set wanted = wanted + [metric.sql] -%}{%- endif -%}
    {%- for aggregate in wanted if aggregate not in found -%}{%- do found.append(aggregate) -%}{%- endfor -%}
{%- endfor -%}
{{ return(found) }}
{%- endmacro %}

{#- What the grouping of a row is: the columns dimension, slice, period_grain, period_start. slices: the group's names. -#}
{% macro grouping_columns(slices, has_periods) -%}
case
        {%- for slice in slices %}
        when grouping(slice_{{ slice }}) = 0 then '{{ slice }}'
        {%- endfor %}
        else 'district'
    end as dimension,
    case
        {%- for slice in slices %}
        when grouping(slice_{{ slice }}) = 0 then coalesce(slice_{{ slice }}, '未标明')
        {%- endfor %}
        else '全区'
    end as slice,
    {%- if has_periods %}
    case
        when grouping(period_month) = 0 and period_month is null then 'undated'
        when grouping(period_month) = 0 then 'month'
        when grouping(period_year) = 0 then 'year'
        else 'all'
    end as period_grain,
    case
        when grouping(period_month) = 0 then period_month
        when grouping(period_year) = 0 then period_year
    end as period_start
    {%- else %}
    'all' as period_grain,
    null::date as period_start
    {%- endif %}
{%- endmacro %}

{#- Every slice, and the whole district, over every month, every year and all time; undated rows are a month of their own. -#}
{% macro grouping_clause(slices, has_periods) -%}
{%- set sets = [] -%}
{%- for slice in [none] + slices | list -%}
    {%- for period in ([['period_year', 'period_month'], ['period_year'], []] if has_periods else [[]]) -%}
        {%- do sets.append('(' ~ ((['slice_' ~ slice] if slice else []) + period) | join(', ') ~ ')') -%}
    {%- endfor -%}
{%- endfor -%}
group by grouping sets ({{ sets | join(', ') }})
    {%- if has_periods %}
    having grouping(period_month) = 0 or grouping(period_year) = 1 or period_year is not null
    {%- endif %}
{%- endmacro %}

{#- The CTEs of one group of metrics, ending with figures_<key>: one row per metric, slice and period. -#}
{% macro indicator_figures(key, group) -%}
{%- set has_periods = group.cohort_column is not none -%}
{%- set aggregates = additive_aggregates(group.metrics) -%}
{%- set quantiles = group.metrics | rejectattr('is_additive') | map(attribute='sql') | list -%}
rows_{{ key }} as (
    select
        *,
        {%- for slice, column in group.slices.items() %}
        ({{ column }})::text as slice_{{ slice }},
        {%- endfor %}
        {%- if has_periods %}
        date_trunc('year', {{ group.cohort_column }})::date as period_year,
        {{ group.cohort_column }} as period_month
        {%- else %}
        null::date as period_year,
        null::date as period_month
        {%- endif %}
    from {{ ref(group.model) }}
    {%- if group.scope %}
    where {{ group.scope }}
    {%- endif %}
),

cells_{{ key }} as (
    select
        {%- for slice in group.slices %}
        slice_{{ slice }},
        {%- endfor %}
        period_year,
        period_month,
        count(*) as cohort,
        {%- for aggregate in aggregates %}
        {{ aggregate }} as part_{{ loop.index0 }}{{ ',' if not loop.last }}
        {%- endfor %}
    from rows_{{ key }}
    group by {% for slice in group.slices %}slice_{{ slice }}, {% endfor %}period_year, period_month
),

totals_{{ key }} as (
    select
        {{ grouping_columns(group.slices, has_periods) }},
        sum(cohort)::bigint as cohort,
        {%- for aggregate in aggregates %}
        sum(part_{{ loop.index0 }}) as part_{{ loop.index0 }}{{ ',' if not loop.last }}
        {%- endfor %}
    from cells_{{ key }}
    {{ grouping_clause(group.slices, has_periods) }}
),
{% if quantiles %}
quantiles_{{ key }} as (
    select
        {{ grouping_columns(group.slices, has_periods) }},
        {%- for quantile in quantiles %}
        {{ quantile }} as quantile_{{ loop.index0 }}{{ ',' if not loop.last }}
        {%- endfor %}
    from rows_{{ key }}
    {%- if has_periods %}
    where period_month is not null
    {%- endif %}
    {{ grouping_clause(group.slices, has_periods) }}
),
{% endif %}
figures_{{ key }} as (
    select
        totals.dimension,
        totals.slice,
        totals.period_grain,
        totals.period_start,
        totals.cohort,
        figures.*
    from totals_{{ key }} as totals
    {%- if quantiles %}
    left join quantiles_{{ key }} as quantiles
        on quantiles.dimension = totals.dimension
        and quantiles.slice = totals.slice
        and quantiles.period_grain = totals.period_grain
        and quantiles.period_start is not distinct from totals.period_start
    {%- endif %}
    cross join lateral (
        values
        {%- for metric in group.metrics %}
        (
            '{{ metric.name }}',
            part_{{ aggregates.index(metric.n_sql) }}::bigint,
            {%- if metric.numerator_sql %}
            part_{{ aggregates.index(metric.numerator_sql) }}::numeric,
            part_{{ aggregates.index(metric.denominator_sql) }}::numeric,
            part_{{ aggregates.index(metric.numerator_sql) }}::numeric / nullif(part_{{ aggregates.index(metric.denominator_sql) }}, 0),
            {%- else %}
            null::numeric,
            null::numeric,
            {% if metric.is_additive %}part_{{ aggregates.index(metric.sql) }}{% else %}quantile_{{ quantiles.index(metric.sql) }}{% endif %}::numeric,
            {%- endif %}
            {%- if metric.exclusions %}
            jsonb_strip_nulls(jsonb_build_object(
                {%- for exclusion in metric.exclusions %}
                '{{ exclusion.name }}', nullif(part_{{ aggregates.index(exclusion.sql) }}, 0)::bigint{{ ',' if not loop.last }}
                {%- endfor %}
            ))
            {%- else %}
            '{}'::jsonb
            {%- endif %}
        ){{ ',' if not loop.last }}
        {%- endfor %}
    ) as figures (metric, n, numerator, denominator, value, excluded)
)
{%- endmacro %}

{#- A compiled metric by its name, for models that put figures side by side and so have no formula of their own. -#}
{% macro metric(name) -%}
{%- set found = var('metrics') | selectattr('name', 'equalto', name) | list -%}
{{ return(found[0] if found else {'sql': 'null::numeric', 'n_sql': '0', 'numerator_sql': 'null::numeric', 'denominator_sql': 'null::numeric', 'exclusions': []}) }}
{%- endmacro %}

{#- What makes cases alike when a period is put at another one's mix; agg_change splits by the same (yidang.statistics). -#}
{% macro stratum_columns() -%}
department_id, stage_number, flow_type, item_code, is_on_the_spot
{%- endmacro %}
