{#-
  Schemas are named as they are: staging, intermediate, marts, seeds (never prefixed by the target's schema). A build
  beside the real one (`yidang policy diff`) sets var('schema_prefix') and touches none of them.
-#}
{% macro generate_schema_name(custom_schema_name, node) %}{{ schema_named(custom_schema_name or target.schema) }}{% endmacro %}

{% macro schema_named(name) %}{{ var('schema_prefix', '') }}{{ name }}{% endmacro %}
