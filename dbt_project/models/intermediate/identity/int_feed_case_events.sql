{{ config(
    materialized='incremental',
    incremental_strategy='write_differences',
    unique_key='case_id',
    indexes=[{'columns': ['case_id']}]
) }}

{#- These systems' rows cannot be followed batch by batch: how they become events is each department's own SQL. -#}

with sent as (
    {{ feed_union('case_events', case_event_columns()) }}
)

select
    source_department || ':' || instance_code as case_id,
    sent.*
from sent
