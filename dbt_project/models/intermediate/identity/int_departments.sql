{{ config(materialized='view') }}

{% for department in var('departments') %}
select
    '{{ department.id }}'::text as department_id,
    {{ dbt.string_literal(dbt.escape_single_quotes(department.name)) }}::text as department_name,
    {{ dbt.string_literal(dbt.escape_single_quotes(department.short_name)) }}::text as short_name,
    '{{ department.source_kind }}'::text as source_kind,
    {{ department.is_example }} as is_example
{% if not loop.last %}union all{% endif %}
{% else %}
select null::text as department_id, null::text as department_name, null::text as short_name, null::text as source_kind,
    null::boolean as is_example
where false
{% endfor %}
