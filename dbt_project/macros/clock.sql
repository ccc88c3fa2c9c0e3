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

{#- Due by as_of, of rows of int_item_instances that have the column as_of: the denominators of the on-time rates. -#}
{% macro due_columns() -%}
{{ has_ended('due_date', 'as_of') }} and counts_when_due as is_due,
    {{ has_ended('statutory_due_date', 'as_of') }} and counts_when_statutory_due as is_statutory_due,
    {{ has_ended('statutory_due_date_without_extension', 'as_of') }} and counts_when_statutory_due_without_extension
        as is_statutory_due_without_extension
{%- endmacro %}
