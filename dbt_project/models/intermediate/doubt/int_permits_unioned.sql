{{ config(materialized='view') }}

{%- set names = permit_columns() | map(attribute=0) | join(', ') %}

select {{ names }} from {{ ref('stg_spgl__documents') }}
union all
select {{ names }} from {{ ref('int_feed_permits') }}
