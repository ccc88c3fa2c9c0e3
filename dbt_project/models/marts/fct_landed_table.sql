{{ config(materialized='view') }}

{#- About now, not as_of: how far each table of a source has come, read from the ledger itself. -#}

with table_status as (
    select * from {{ source('landing', 'table_status') }}
),

batches as (
    select * from {{ source('landing', 'batch') }}
),

quarantine as (
    select * from {{ source('landing', 'quarantine') }}
),

drift as (
    select * from {{ source('landing', 'drift') }}
),

reconciliations as (
    select * from {{ source('landing', 'reconciliation') }}
),

departments as (
    select * from {{ ref('int_departments') }}
),

landed as (
    select
        department,
        table_name,
        count(*) as batch_count,
        sum(rows_landed)::bigint as landed_row_count,
        max(landed_at) as last_landed_at,
        count(*) filter (where gate = 'held') as held_batch_count,
        count(*) filter (where gate = 'pending') as pending_batch_count
    from batches
    group by department, table_name
),

quarantined as (
    select
        department,
        table_name,
        count(distinct (batch_id, row_number)) as quarantined_row_count
    from quarantine
    group by department, table_name
),

drifted as (
    select
        department,
        table_name,
        string_agg(
            column_name || case change when 'added' then '（新增）' when 'missing' then '（缺失）' else '（类型变化）' end,
            '、'
            order by column_name
        ) as drifted_columns
    from drift
    group by department, table_name
),

compared as (
    select
        department,
        table_name,
        count(*) filter (where is_different) as differing_day_count,
        max(checked_at) as compared_at
    from reconciliations
    group by department, table_name
)

select
    table_status.department,
    departments.department_name,
    table_status.table_name,
    table_status.last_success_at at time zone 'Asia/Shanghai' as last_success_at,
    case
        when held_batch_count > 0 then '被拦下'
        when last_error_at > coalesce(table_status.last_success_at, '-infinity') then '失败'
        when table_status.last_success_at is null then '未拉取'
        when pending_batch_count > 0 then '待检查'
        else '正常'
    end as landing_state,
    landed.last_landed_at at time zone 'Asia/Shanghai' as last_landed_at,
    coalesce(landed.batch_count, 0) as batch_count,
    coalesce(landed.landed_row_count, 0) as landed_row_count,
    coalesce(landed.held_batch_count, 0) as held_batch_count,
    coalesce(quarantined.quarantined_row_count, 0) as quarantined_row_count,
    drifted.drifted_columns,
    compared.differing_day_count,
    compared.compared_at at time zone 'Asia/Shanghai' as compared_at
from table_status
left join departments on departments.department_id = table_status.department
left join landed using (department, table_name)
left join quarantined using (department, table_name)
left join drifted using (department, table_name)
left join compared using (department, table_name)
