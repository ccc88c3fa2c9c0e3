{#-
  Instead of dbt's own, which asks twice for the columns of each table and comments in two statements: a fifth of a build.
  A contract has compared the columns already. Comments stay with a table of which only rows are replaced.
-#}
{% macro persist_docs(relation, model, for_relation=true, for_columns=true) -%}
{%- set comments = [] -%}
{%- if for_relation and config.persist_relation_docs() and model.description and not is_incremental() -%}
    {%- do comments.append(alter_relation_comment(relation, model.description)) -%}
{%- endif -%}
{%- if for_columns and config.persist_column_docs() and model.columns and not is_incremental() -%}
    {%- set columns = model.columns if config.get('contract').enforced else described_columns(relation, model) -%}
    {%- do comments.append(alter_column_comment(relation, columns)) -%}
{%- endif -%}
{%- if comments -%}
    {%- do run_query(comments | join) -%}
{%- endif -%}
{%- endmacro %}

{#- Those that are there; dbt warns of the others. -#}
{% macro described_columns(relation, model) -%}
{%- set there = adapter.get_columns_in_relation(relation) | map(attribute='name') | list -%}
{{ return(validate_doc_columns(relation, model.columns, there)) }}
{%- endmacro %}

{% macro postgres__alter_column_comment(relation, column_dict) %}
{%- for name, column in column_dict.items() %}
comment on column {{ relation }}.{{ adapter.quote(name) if column['quote'] else name }} is {{ postgres_escape_comment(column['description']) }};
{%- endfor %}
{%- endmacro %}
