{#- Is a limit in this unit one that the clock counts? A unit that is not known is none. -#}
{% macro is_counted_unit(unit) -%}
(coalesce({{ unit }}, '') in ('working_days', 'calendar_days'))
{%- endmacro %}

{#-
  Does a pause of this kind (TBCX) stop the clocks where no local rule speaks of it? 公示 (5) is not on the statute's
  closed list (行政许可法 art. 45). An extended limit (9) moves the limit and stops nothing, however a sender writes it.
-#}
{% macro stops_by_law(reason_code) -%}
(coalesce({{ reason_code }}, '') not in ('5', '9'))
{%- endmacro %}

{#- Has a case's limit ended by that day? On its last day an open case can still be decided in time. Null dates: no. -#}
{% macro has_ended(due_date, day) -%}
coalesce({{ due_date }} < {{ day }} or ({{ due_date }} = {{ day }} and not is_open), false)
{%- endmacro %}
