{#- What does not agree with the source itself: the ledger's comparisons, looked through whole. -#}

with batches as (
    select * from {{ source('build', 'build_batch') }}
),

deleted_rows as (
    select * from {{ source('landing', 'deleted_row') }}
),

reconciliations as (
    select * from {{ source('landing', 'reconciliation') }}
),

found as (
    select deleted_rows.*
    from deleted_rows
    inner join batches on batches.batch_id = deleted_rows.found_in_batch_id
)

select
    department as source_department,
    'deleted_at_source' as rule,
    'row' as entity,
    table_name || ' ' || batch_id || '/' || row_number as business_key,
    '源系统已删除该行，由第 ' || found_in_batch_id || ' 批发现' as detail,
    batch_id,
    row_number
from found
union all
select
    department,
    'source_differs',
    'table',
    table_name || coalesce(' ' || day, ''),
    '源系统 ' || source_rows || ' 行，已落地 ' || landed_rows || ' 行' || case when source_rows = landed_rows then '，内容不同' else '' end,
    null,
    null
from reconciliations
where is_different
