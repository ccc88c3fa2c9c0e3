{#- The day the build is true for. Not for views: a build of what changed leaves them as they are. -#}
{% macro as_of() -%}
{%- if execute and model.config.materialized == 'view' -%}
{{ exceptions.raise_compiler_error("A view would keep the day it was made on; take it from stamp_of()") }}
{%- endif -%}
date '{{ var('as_of') }}'
{%- endmacro %}

{#- The day a case is read on: its own where var('observation_dates') gives one, else the build's. -#}
{% macro case_as_of(cases='cases') -%}coalesce({{ cases }}.own_as_of, {{ as_of() }}){%- endmacro %}

{#-
  Version of the rules: the declared one and a digest of what decides a figure beside them (the switches, the thresholds
  of identity, the local rules about pauses), so that no change goes unmarked.
-#}
{% macro rule_version() -%}
{%- set decided = {} -%}
{%- for name in ['clock_policy', 'same_name_from', 'offer_name_from', 'shortest_permit_number', 'instant_start'] -%}
    {%- do decided.update({name: var(name)}) -%}
{%- endfor -%}
(
    select
        '{{ var('rule_version') }}-' || left(md5(concat(
            '{{ tojson(decided, sort_keys=true) }}',
            string_agg(rules::text, ' ' order by rules::text collate "C")
        )), 6)
    from {{ ref('local_pause_rules') }} as rules
)
{%- endmacro %}

{#- Columns every fact ends with. calendar: a CTE or relation of dim_calendar. -#}
{% macro stamps(calendar='calendar') -%}
(select max({{ calendar }}.calendar_version) from {{ calendar }}) as calendar_version,
    (select builds.rule_version from {{ ref('int_build') }} as builds) as rule_version
{%- endmacro %}
