{#-
  Percentiles from counted values: of a group with one row per value, `total` how many there are of the group and
  `running` how many up to and including the row's value. Exact, and needs no sort of the cases.
-#}

{#- What percentile_cont gives. -#}
{% macro quantile_of_counts(fraction, value, running, total) -%}
{%- set place = fraction ~ '::double precision * (' ~ total ~ ' - 1)' -%}
min({{ value }}) filter (where {{ running }} > floor({{ place }}))
    + (max({{ place }}) - floor(max({{ place }})))
    * (
        min({{ value }}) filter (where {{ running }} > ceil({{ place }}))
        - min({{ value }}) filter (where {{ running }} > floor({{ place }}))
    )
{%- endmacro %}

{#- The same to two decimals, and null under 10 (样本不足). -#}
{% macro percentile_of_counts(fraction, value, running, total) -%}
case when max({{ total }}) >= {{ var('minimum_n') }}
    then round(({{ quantile_of_counts(fraction, value, running, total) }})::numeric, 2)
end
{%- endmacro %}
