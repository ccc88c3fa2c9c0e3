{{ config(materialized='incremental', incremental_strategy='write_differences', unique_key='key') }}

with corrections as (
    select * from {{ ref('stg_landing__corrections') }}
),

keyed as (
    select
        corrections.*,
        case when entity in ('case', 'match', 'event') then split_part(key, ':', 1) end as source_department,
        case
            when entity in ('case', 'match') then substring(key from '^[^:]+:(.*)$')
            when entity = 'event' then substring(key from '^[^:]+:(.*)@[a-z_]+@[^@]+$')
        end as instance_code,
        case when entity = 'event' then substring(key from '@([a-z_]+)@[^@]+$') end as event_kind,
        case when entity = 'event' then substring(key from '@([^@]+)$')::timestamp end as event_at,
        case when entity in ('works', 'project') then key end as code
    from corrections
),

-- a correction of a correction says as its old value what the one before it made
compared as (
    select
        keyed.*,
        row_number() over one_field > 1 and old_value is not distinct from lag(new_value) over one_field as is_continued
    from keyed
    window one_field as (partition by entity, key, field order by batch_id, row_number)
),

chained as (
    select
        compared.*,
        count(*) filter (where not is_continued) over (
            partition by entity, key, field order by batch_id, row_number
        ) as chain_number
    from compared
)

select
    correction_id,
    entity,
    key,
    field,
    old_value,
    new_value,
    reason,
    editor,
    edited_date,
    source_department,
    instance_code,
    source_department || ':' || instance_code as case_id,
    event_kind,
    event_at,
    code,
    first_value(old_value) over (partition by entity, key, field, chain_number order by batch_id, row_number) as expected_value,
    chain_number = max(chain_number) over (partition by entity, key, field) as is_in_newest_chain,
    row_number() over (partition by entity, key, field order by batch_id desc, row_number desc) = 1 as is_standing,
    batch_id,
    row_number
from chained
