{#-
  percentile_cont from counted values: of a group with one row per value, `total` how many there are of the group and
  `running` how many up to and including the row's value. Null under 10 (样本不足). Exact, and needs no sort of the cases.
-#}
{% macro percentile_of_counts(fraction, value, running, total) -%}
case when max({{ total }}) >= {{ var('minimum_n') }} then round(
    min({{ value }}) filter (where {{ running }} > floor({{ fraction }} * ({{ total }} - 1)))
    + (max({{ fraction }} * ({{ total }} - 1)) - floor(max({{ fraction }} * ({{ total }} - 1))))
    * (
        min({{ value }}) filter (where {{ running }} > ceil({{ fraction }} * ({{ total }} - 1)))
        - min({{ value }}) filter (where {{ running }} > floor({{ fraction }} * ({{ total }} - 1)))
    ), 2)
end
{%- endmacro %}
