{{ config(
    materialized='incremental',
    incremental_strategy='write_differences',
    unique_key='case_id',
    indexes=[{'columns': ['case_id']}]
) }}

{#- These systems' rows cannot be followed batch by batch: how they become events is each department's own SQL. -#}

{{ feed_rows('case_events', case_event_columns()) }}
