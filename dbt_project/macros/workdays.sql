{#-
  A set of working days is an int4multirange of their running numbers in int_calendar: closed days have no place in it,
  so sets are merged and subtracted as they are and counting one needs no calendar.
-#}

{#- Working days in such a set. An empty or null set has 0. -#}
{% macro workdays_in(workdays) -%}
(select coalesce(sum(upper(span) - lower(span)), 0)::integer from unnest({{ workdays }}) as span)
{%- endmacro %}

{#- The working days d with a < d <= b, from the calendar's numbers of the days a and b. -#}
{% macro workdays_between(number_a, number_b) -%}
int4range({{ number_a }} + 1, {{ number_b }} + 1)
{%- endmacro %}
