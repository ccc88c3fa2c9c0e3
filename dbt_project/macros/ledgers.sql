{#-
  What the ledgers beside the approval cases have in common: they name a project by a typed code, and people by the day.
-#}

{#- The project that a ledger's row names; null where the code is none. Whether it is known, a join with int_projects says. -#}
{% macro named_project(column) -%}
{{ project_prefix(canonical_code(column)) }}
{%- endmacro %}

{#- A moment's day, where that is not after the day the figures are true for; null otherwise. -#}
{% macro known_date(column) -%}
case when {{ column }}::date <= {{ as_of() }} then {{ column }}::date end
{%- endmacro %}

{#- The join that finds a department by the name that people write, long or short; `column` has it. -#}
{% macro join_named_department(column) -%}
left join departments on {{ column }} in (departments.department_name, departments.short_name)
{%- endmacro %}
