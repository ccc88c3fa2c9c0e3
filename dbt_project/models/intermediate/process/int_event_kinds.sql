{{ config(materialized='view') }}

with status_codes as (
    select * from {{ ref('status_codes') }}
),

-- several local codes may mean one kind: the national one names it
named as (
    select distinct on (event_kind)
        event_kind,
        status_name
    from status_codes
    where event_kind is not null
    order by event_kind, is_national desc, status_code
)

select * from named
union all
values ('START', '开始'), ('END', '结束'), ('OPEN', '在办')
