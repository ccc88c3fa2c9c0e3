{{ config(
    materialized='incremental',
    incremental_strategy='write_differences',
    unique_key='case_id',
    indexes=[{'columns': ['case_id']}]
) }}

with sent as (
    {{ feed_union('cases', case_columns()) }}
)

select
    source_department || ':' || instance_code as case_id,
    sent.*
from sent
