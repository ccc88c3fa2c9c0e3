{{ config(
    materialized='incremental',
    incremental_strategy='write_differences',
    unique_key='case_id',
    indexes=[{'columns': ['case_id']}]
) }}

{{ feed_rows('cases', case_columns()) }}
