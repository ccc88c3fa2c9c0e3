{#-
  What the figures count of cases, kept where a nightly build adds to it (int_case_months, int_case_value_counts): of all
  metrics on fct_item_instance what can be added up, each by the date that puts it into a month.
-#}

{#- {date column: [aggregates]}: by the date of the cohort, for agg_indicator, and by the metric's own, for agg_case_month. -#}
{% macro case_aggregates() -%}
{%- set dates = {} -%}
{%- for metric in var('metrics') if metric.model == 'fct_item_instance' -%}
    {%- for date, aggregates in [(metric.cohort_column, additive_aggregates([metric])), (metric.date_column, metric.sums.values())] -%}
        {%- set known = dates.setdefault(date, []) -%}
        {%- for aggregate in aggregates if aggregate not in known -%}{%- do known.append(aggregate) -%}{%- endfor -%}
    {%- endfor -%}
{%- endfor -%}
{{ return(dates) }}
{%- endmacro %}

{#- The columns of int_case_months: {date column: {aggregate: name}}; without an aggregate, how many cases have the date. -#}
{% macro case_count_columns() -%}
{%- set columns = {} -%}
{%- for date, aggregates in case_aggregates().items() -%}
    {%- set names = columns.setdefault(date, {none: date ~ '__cases'}) -%}
    {%- for aggregate in aggregates -%}{%- do names.update({aggregate: date ~ '__' ~ loop.index}) -%}{%- endfor -%}
{%- endfor -%}
{{ return(columns) }}
{%- endmacro %}

{#- What medians and percentiles are taken of, by the date of the cohort: {date column: {expression: name of its first metric}}. -#}
{% macro case_measures() -%}
{%- set measures = {} -%}
{%- for metric in var('metrics') if metric.model == 'fct_item_instance' and metric.values_sql -%}
    {%- do measures.setdefault(metric.cohort_column, {}).setdefault(metric.values_sql, metric.name) -%}
{%- endfor -%}
{{ return(measures) }}
{%- endmacro %}

{#-
  The cases that are to be counted, with `sign` (see signed_rows) and what fct_item_instance adds to its table. A case that
  is not open may still come due after the last build, although nothing happened to it: it is counted anew as well.
-#}
{% macro signed_cases() -%}
signed as (
    {{ signed_rows('int_item_instances', 'case_id') }}
    {%- if var('only_changed', false) %}
    union all
    select
        instances.*,
        signs.sign
    from {{ ref('int_item_instances') }} as instances
    cross join (values (1), (-1)) as signs (sign)
    where instances.case_id not in (select case_id from {{ ref('int_changed_cases') }})
        and (
            {{ came_due('due_date') }}
            or {{ came_due('statutory_due_date') }}
            or {{ came_due('statutory_due_date_without_extension') }}
        )
    {%- endif %}
),

dated as (
    select
        signed.*,
        coalesce(own_as_of, case sign when 1 then {{ as_of() }} else {{ previous_as_of() }} end) as as_of
    from signed
),

cases as (
    select
        dated.*,
        {{ due_columns() }}
    from dated
)
{%- endmacro %}

{#- As between_days, but with both days: on its last day a case is due or not by whether it is open (has_ended). -#}
{%- macro came_due(date) -%}
{{ date }} between least({{ previous_as_of() }}, {{ as_of() }}) and greatest({{ previous_as_of() }}, {{ as_of() }})
{%- endmacro -%}
