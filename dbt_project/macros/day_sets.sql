{#- Working days in a set of days (a datemultirange). calendar: int_calendar. An empty or null set has 0. -#}
{% macro working_days_in(day_set) -%}
(
    select coalesce(sum(last_day.working_day_number - before_first.working_day_number), 0)::integer
    from unnest({{ day_set }}) as span
    inner join {{ ref('int_calendar') }} as before_first on before_first.date_day = lower(span) - 1
    inner join {{ ref('int_calendar') }} as last_day on last_day.date_day = upper(span) - 1
)
{%- endmacro %}
