{#- Schemas are named as they are: staging, intermediate, marts, seeds (never prefixed by the target's schema). -#}
{% macro generate_schema_name(custom_schema_name, node) %}{{ custom_schema_name or target.schema }}{% endmacro %}
