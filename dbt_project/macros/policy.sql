{#-
  The switches of rules G, checked: a misspelt choice must not silently mean another one. The values themselves are in
  dbt_project.yml, the only place.
-#}
{% macro clock_policy() -%}
{%- set policy = var('clock_policy') -%}
{%- set choices = {
    'closed_day_acceptance': ['strict', 'roll_forward'],
    'correction_after_acceptance': ['promise', 'both', 'none'],
    'deemed_acceptance': [true, false],
    'reply_days': range(1, 100) | list,
    'warn_window': ['share', 'fixed'],
} -%}
{%- for name in policy if name not in choices -%}
    {{ exceptions.raise_compiler_error("clock_policy has no switch " ~ name ~ "; there are " ~ choices | join(', ')) }}
{%- endfor -%}
{%- for name, allowed in choices.items() if policy[name] not in allowed -%}
    {%- set listed = '1 to 99' if name == 'reply_days' else allowed | join(' or ') -%}
    {{ exceptions.raise_compiler_error("clock_policy." ~ name ~ " is " ~ policy[name] ~ "; it may be " ~ listed) }}
{%- endfor -%}
{{ return(policy) }}
{%- endmacro %}
