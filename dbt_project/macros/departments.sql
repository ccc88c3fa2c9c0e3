{#-
  The join that finds a department by the name that people write, long or short; `column` has it. Where two systems are
  of one office, it is the first of them, as int_cases takes it: a row found twice would be counted twice.
-#}
{% macro join_named_department(column, alias='departments') -%}
left join lateral (
    select * from departments
    where {{ column }} in (departments.department_name, departments.short_name)
    order by departments.department_id
    limit 1
) as {{ alias }} on true
{%- endmacro %}
