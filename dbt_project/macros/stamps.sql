{#- The day the build is true for. -#}
{% macro as_of() -%}date '{{ var('as_of') }}'{%- endmacro %}

{#- The day a case is read on: its own where var('observation_dates') gives one, else the build's. -#}
{% macro case_as_of(cases='cases') -%}coalesce({{ cases }}.own_as_of, {{ as_of() }}){%- endmacro %}

{#- Version of the rules: the declared one and a digest of the policy switches, so that no change goes unmarked. -#}
{% macro rule_version() -%}
'{{ var('rule_version') }}-{{ local_md5(tojson(var('clock_policy'), sort_keys=true))[:6] }}'
{%- endmacro %}

{#- Columns every fact ends with. calendar: a CTE or relation of dim_calendar. -#}
{% macro stamps(calendar='calendar') -%}
(select max({{ calendar }}.calendar_version) from {{ calendar }}) as calendar_version,
    {{ rule_version() }}::text as rule_version
{%- endmacro %}
