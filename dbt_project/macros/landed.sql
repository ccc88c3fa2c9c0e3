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
  The last landed version of each row of a source table that is not deleted there. key: column name(s) of the source's
  own row id.
-#}
{% macro latest_landed(relation, key) -%}
(
    select distinct on ({{ key }}) landed_rows.*
    from {{ landed(relation) }} as landed_rows
    where not exists (
        select 1
        from {{ source('build', 'superseded_row') }} as superseded
        where superseded.batch_id = landed_rows._batch_id
            and superseded.row_number = landed_rows._row_number
    )
    order by {{ key }}, _batch_id desc, _row_number desc
)
{%- endmacro %}


{#-
  Union of one table of the national standard over all departments that speak it: the last landed
  version of each physical row (LSH), valid rows only (SJYXBS = 1). A correction in the standard is a void row plus a
  new valid one. about: relation of case_ids; only rows about these.

  The few rows that a later version replaces are known beforehand (yidang.build_state), so that millions need
  no sorting, the planner knows how many are left and several workers read them.
-#}
{% macro spgl(table, columns, about=none) -%}
{%- for department in var('spgl_departments') %}
    select
        '{{ department }}'::text as source_department,
        {%- for column in columns %}
        {{ clean_text(column) }} as {{ column }},
        {%- endfor %}
        lsh,
        _batch_id as batch_id,
        _row_number as row_number
    from {{ landed(spgl_relation(department, table)) }} as landed_rows
    where not exists (
            select 1
            from {{ source('build', 'superseded_row') }} as superseded
            where superseded.batch_id = landed_rows._batch_id
                and superseded.row_number = landed_rows._row_number
        )
        -- written as it nearly always is first: of the bare column the planner knows the values
        and (sjyxbs = '1' or btrim(sjyxbs) in ('1', '1.0'))
        {%- if about is not none %}
        and '{{ department }}:' || {{ clean_text('spsxslbm') }} in (select case_id from {{ about }})
        {%- endif %}
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


{#- A department's raw table of the national standard. -#}
{% macro spgl_relation(department, table) -%}
{{ return(api.Relation.create(database=target.database, schema='raw_' ~ department, identifier=table)) }}
{%- endmacro %}


{#-
  case_id of every case that rows of this build's new batches are about, or the rows that these replace were about.
  tables: tables of the national standard with an instance code.
-#}
{% macro spgl_new_instances(tables) -%}
{%- for department in var('spgl_departments') -%}
{%- set outer_last = loop.last -%}
{%- for table in tables %}
    {%- set relation = spgl_relation(department, table) %}
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


{#-
  At the end of a sub-select: what it computes is computed there, once, and not wherever its columns are used. A literal
  of just this type, or the planner would take it for a real OFFSET and not read side by side.
-#}
{% macro fence() -%}offset bigint '0'{%- endmacro %}
