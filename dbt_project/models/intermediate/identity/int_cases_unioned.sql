{{ config(materialized='view') }}

{{ sent_cases() }}
