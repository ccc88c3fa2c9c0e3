{{ config(
    materialized='incremental',
    incremental_strategy='append',
    indexes=[{'columns': ['batch_id', 'row_number']}]
) }}

{#-
  Row ids, not keys, so that reading millions of rows costs a look-up of two numbers each. A build of what changed looks
  only at the keys of its new batches: a row once replaced stays so while the batches that are read only grow.
-#}
{%- set only_changed = var('only_changed', false) %}

with
{%- for department in var('spgl_departments') %}
{%- for table in spgl_tables() %}
{%- set relation = spgl_relation(department, table) %}
{{ department }}_{{ table }} as (
    select
        _batch_id as batch_id,
        _row_number as row_number,
        row_number() over (partition by lsh order by _batch_id desc, _row_number desc) as recency
    from {{ landed(relation) }} as landed_rows
    -- the expression of raw's index on its key
    where coalesce(lsh, '') in (
            select coalesce(raw_rows.lsh, '')
            from {{ relation }} as raw_rows
            {%- if only_changed %}
            inner join {{ source('build', 'build_batch') }} as batches
                on batches.batch_id = raw_rows._batch_id
                and batches.is_new
            {%- else %}
            group by coalesce(raw_rows.lsh, '')
            having count(*) > 1
            {%- endif %}
        )
),
{% endfor %}
{%- endfor %}
versions as (
    {%- for department in var('spgl_departments') %}
    {%- set is_last_department = loop.last %}
    {%- for table in spgl_tables() %}
    select * from {{ department }}_{{ table }}
    {%- if not (loop.last and is_last_department) %}
    union all
    {%- endif %}
    {%- endfor %}
    {%- else %}
    select null::bigint as batch_id, null::bigint as row_number, null::bigint as recency
    where false
    {%- endfor %}
)

select
    batch_id,
    row_number
from versions
where recency > 1
    {%- if only_changed %}
    and not exists (
        select 1
        from {{ this }} as known
        where known.batch_id = versions.batch_id
            and known.row_number = versions.row_number
    )
    {%- endif %}
