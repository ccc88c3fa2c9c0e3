{{ config(materialized='view') }}

select * from {{ ref('int_events') }}
where event_number is not null
