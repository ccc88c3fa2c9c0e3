{#-
  The only way staging reads raw: rows of the batches that this build reads (yidang.build_state: they passed the gate
  before it began), without the rows quarantined with severity 'fail'. Raw may hold several versions of a row; see
  latest_landed.
-#}
{% macro landed(relation) -%}
(
    select raw_rows.*
    from {{ relation }} as raw_rows
    inner join {{ source('build', 'build_batch') }} as batches on batches.batch_id = raw_rows._batch_id
    where not exists (
        select 1
        from {{ source('landing', 'quarantine') }} as quarantined
        where quarantined.batch_id = raw_rows._batch_id
            and quarantined.row_number = raw_rows._row_number
            and quarantined.severity = 'fail'
    )
)
{%- endmacro %}


{#-
  The last landed version of each row of a source table. key: column name(s) of the source's own row id. condition: on
  the rows of raw, where only some are wanted.
-#}
{% macro latest_landed(relation, key, condition='true') -%}
(
    select distinct on ({{ key }}) landed_rows.*
    from {{ landed(relation) }} as landed_rows
    where {{ condition }}
    order by {{ key }}, _batch_id desc, _row_number desc
)
{%- endmacro %}


{#-
  Union of one table of the national standard over all departments that speak it: the last landed version of each
  physical row (LSH), valid rows only (SJYXBS = 1). A correction in the standard is a void row plus a new valid one.
  only_changed_cases: every version of the rows that any version of which is about a case of int_changed_cases.
-#}
{% macro spgl(table, columns, only_changed_cases=false) -%}
{%- for department in var('spgl_departments') %}
    select
        '{{ department }}'::text as source_department,
        {%- for column in columns %}
        {{ clean_text(column) }} as {{ column }},
        {%- endfor %}
        lsh,
        _batch_id as batch_id,
        _row_number as row_number
    {%- set relation = api.Relation.create(database=target.database, schema='raw_' ~ department, identifier=table) %}
    from {{ latest_landed(relation, 'lsh', about_changed_cases(relation, department) if only_changed_cases else 'true') }} as latest
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


{#- By the expression of raw's index on its key, so that few rows are looked up. -#}
{% macro about_changed_cases(relation, department) -%}
coalesce(landed_rows.lsh, '') in (
        select coalesce(raw_rows.lsh, '')
        from {{ relation }} as raw_rows
        where '{{ department }}:' || {{ clean_text('raw_rows.spsxslbm') }} in (select case_id from {{ ref('int_changed_cases') }})
    )
{%- endmacro %}


{#-
  case_id of every case that rows of this build's new batches are about, or the rows that these replace were about.
  tables: tables of the national standard with an instance code.
-#}
{% macro spgl_new_instances(tables) -%}
{%- for department in var('spgl_departments') -%}
{%- set outer_last = loop.last -%}
{%- for table in tables %}
    {%- set relation = api.Relation.create(database=target.database, schema='raw_' ~ department, identifier=table) %}
    select '{{ department }}:' || {{ clean_text('versions.spsxslbm') }} as case_id
    from {{ relation }} as new_rows
    inner join {{ source('build', 'build_batch') }} as batches
        on batches.batch_id = new_rows._batch_id
        and batches.is_new
    -- the expression of raw's index on its key
    inner join {{ relation }} as versions on coalesce(versions.lsh, '') = coalesce(new_rows.lsh, '')
    {%- if not (loop.last and outer_last) %}
    union all
    {%- endif %}
{%- endfor %}
{%- else %}
    select null::text as case_id
    where false
{%- endfor %}
{%- endmacro %}


{#-
  Order of a row by its LSH: 32-character stamps and running numbers both sort by length, then text.
-#}
{% macro lsh_order() -%}length(lsh), lsh{%- endmacro %}
