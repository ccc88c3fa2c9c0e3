{{ config(indexes=[{'columns': ['metric', 'dimension', 'period_grain']}]) }}

{%- set marts = metric_marts() -%}
{%- set keys = marts.values() | map(attribute='groups') | map('list') | sum(start=[]) -%}

with calendar as (
    select * from {{ ref('int_calendar') }}
),
{% for name, mart in marts.items() %}
{{ mart_figures(name, mart) }},
{% endfor %}
figures as (
    {%- for key in keys %}
    select * from figures_{{ key }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- else %}
    select
        null::text as dimension, null::text as slice, null::text as period_grain, null::date as period_start,
        null::bigint as cohort, null::text as metric, null::bigint as n, null::numeric as numerator,
        null::numeric as denominator, null::numeric as value, null::jsonb as excluded
    where false
    {%- endfor %}
),

-- what the definitions say beside the formula; the interval is SQL over numerator and denominator
definitions (metric, indicator_code, metric_name, unit, grain, minimum_n, is_ranked, no_data_reason) as (
    {%- for metric in var('metrics') %}
    {{ 'values' if loop.first }}
    (
        '{{ metric.name }}',
        {{ "'" ~ metric.code ~ "'" if metric.code else 'null' }}::text,
        '{{ metric.label }}',
        '{{ metric.unit }}',
        '{{ metric.grain }}',
        {{ metric.minimum_n }},
        {{ 'true' if metric.is_ranked else 'false' }},
        {{ "'" ~ metric.no_data ~ "'" if metric.no_data else 'null' }}::text
    ){{ ',' if not loop.last }}
    {%- else %}
    select null::text, null::text, null::text, null::text, null::text, null::integer, null::boolean, null::text
    where false
    {%- endfor %}
)

select
    definitions.indicator_code,
    figures.metric,
    definitions.metric_name,
    figures.period_grain,
    figures.period_start,
    figures.dimension,
    figures.slice,
    figures.cohort,
    figures.n,
    figures.numerator,
    figures.denominator,
    -- fewer than ten say nothing; their parts stay, so that slices can be added up
    case when figures.n >= definitions.minimum_n then figures.value end as value,
    definitions.unit,
    definitions.grain,
    figures.excluded,
    case when definitions.is_ranked and figures.n >= definitions.minimum_n
        then {{ var('wilson_interval')[0] }}
    end as wilson_low,
    case when definitions.is_ranked and figures.n >= definitions.minimum_n
        then {{ var('wilson_interval')[1] }}
    end as wilson_high,
    figures.n >= definitions.minimum_n as is_sample_sufficient,
    definitions.no_data_reason,
    {{ as_of() }} as as_of,
    {{ stamps() }}
from figures
inner join definitions using (metric)
