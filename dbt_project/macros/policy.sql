{#-
  The switches of rules G, checked: a misspelt choice must not silently mean another one. The values and what they may
  be are in dbt_project.yml, the only place; `yidang policy diff` reads them there before it builds.
-#}
{% macro clock_policy() -%}
{%- set policy = var('clock_policy') -%}
{%- set choices = var('clock_policy_choices') -%}
{%- for name in policy if name not in choices -%}
    {{ exceptions.raise_compiler_error("clock_policy has no switch " ~ name ~ "; there are " ~ choices | join(', ')) }}
{%- endfor -%}
{%- for name, choice in choices.items() -%}
    {%- if choice is mapping -%}
        {%- set allowed = range(choice.least, choice.most + 1) | list -%}
        {%- set listed = choice.least ~ ' to ' ~ choice.most -%}
    {%- else -%}
        {%- set allowed = choice -%}
        {%- set listed = choice | join(' or ') -%}
    {%- endif -%}
    {%- if policy[name] not in allowed -%}
        {{ exceptions.raise_compiler_error("clock_policy." ~ name ~ " is " ~ policy[name] ~ "; it may be " ~ listed) }}
    {%- endif -%}
{%- endfor -%}
{{ return(policy) }}
{%- endmacro %}
