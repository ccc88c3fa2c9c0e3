{#-
  The only way staging reads raw: rows of batches that passed the gate, up to var('batch_until') where given,
  without the rows quarantined with severity 'fail'. Raw may hold several versions of a row; see latest_landed.
-#}
{% macro landed(relation) -%}
(
    select raw_rows.*
    from {{ relation }} as raw_rows
    inner join {{ source('landing', 'batch') }} as batches
        on batches.batch_id = raw_rows._batch_id
        and batches.gate = 'passed'
        {%- if var('batch_until') is not none %}
        and batches.batch_id <= {{ var('batch_until') | int }}
        {%- endif %}
    where not exists (
        select 1
        from {{ source('landing', 'quarantine') }} as quarantined
        where quarantined.batch_id = raw_rows._batch_id
            and quarantined.row_number = raw_rows._row_number
            and quarantined.severity = 'fail'
    )
)
{%- endmacro %}


{#- The last landed version of each row of a source table. key: column name(s) of the source's own row id. -#}
{% macro latest_landed(relation, key) -%}
(
    select distinct on ({{ key }}) landed_rows.*
    from {{ landed(relation) }} as landed_rows
    order by {{ key }}, _batch_id desc, _row_number desc
)
{%- endmacro %}


{#-
  Union of one table of the national standard over all departments that speak it: the last landed version of each
  physical row (LSH), valid rows only (SJYXBS = 1). A correction in the standard is a void row plus a new valid one.
-#}
{% macro spgl(table, columns) -%}
{%- for department in var('spgl_departments') %}
    select
        '{{ department }}'::text as source_department,
        {%- for column in columns %}
        {{ clean_text(column) }} as {{ column }},
        {%- endfor %}
        lsh,
        _batch_id as batch_id,
        _row_number as row_number
    from {{ latest_landed(api.Relation.create(database=target.database, schema='raw_' ~ department, identifier=table), 'lsh') }} as latest
    where btrim(sjyxbs) in ('1', '1.0')
    {%- if not loop.last %}
    union all
    {%- endif %}
{%- else %}
    select
        null::text as source_department,
        {%- for column in columns %}
        null::text as {{ column }},
        {%- endfor %}
        null::text as lsh,
        null::bigint as batch_id,
        null::bigint as row_number
    where false
{%- endfor %}
{%- endmacro %}


{#-
  Order of a row by its LSH: 32-character stamps and running numbers both sort by length, then text.
-#}
{% macro lsh_order() -%}length(lsh), lsh{%- endmacro %}
