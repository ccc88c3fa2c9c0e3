{{ config(
    materialized='incremental',
    incremental_strategy='write_differences',
    unique_key='project_code',
    indexes=[{'columns': ['project_code'], 'unique': true}]
) }}

{#- Where a department keeps a project register, it alone says what a project is; otherwise the works do. -#}
{%- set has_register = var('feeds').get('projects', []) | length > 0 -%}

with registered as (
    select * from {{ ref('int_project_registrations') }}
    where is_current
),

works as (
    select * from {{ ref('int_works') }}
),

household_pv_names as (
    select string_agg(name_pattern, '|') as pattern
    from {{ ref('project_classes') }}
    where project_class = 'household_pv'
),

candidates as (
    select
        project_code,
        project_name,
        owner_name,
        owner_credit_code,
        flow_type_code,
        investment_source_code,
        total_investment_wan,
        region_code,
        street,
        registered_at,
        established_at,
        is_major,
        coalesce(is_terminated, false) as is_terminated,
        terminated_at,
        is_completed,
        source_department,
        registration_code,
        batch_id,
        row_number
    from registered
    {%- if not has_register %}
    union all
    select
        project_code,
        works_name as project_name,
        null as owner_name,
        null as owner_credit_code,
        flow_type_code,
        null as investment_source_code,
        null as total_investment_wan,
        region_code,
        null as street,
        reported_at as registered_at,
        null as established_at,
        null as is_major,
        false as is_terminated,
        null as terminated_at,
        null as is_completed,
        source_department,
        null as registration_code,
        batch_id,
        row_number
    from works
    {%- endif %}
),

-- a project that is registered again began with its first registration (a stand-in such as 1970 is none)
first_dates as (
    select
        project_code,
        min(registered_at) filter (where registered_at >= timestamp '2000-01-01') as first_registered_at,
        min(established_at) filter (where established_at >= timestamp '2000-01-01') as first_established_at
    from candidates
    group by project_code
),

latest as (
    select distinct on (project_code)
        candidates.*,
        {{ has_valid_check_digit('project_code') }} as has_valid_check_digit,
        {{ comparable_name('project_name') }} as name_key,
        {{ canonical_credit_code('owner_credit_code') }} as owner_credit_key
    from candidates
    where project_code is not null
    order by project_code, registered_at desc nulls last, batch_id desc, row_number desc
)

select
    latest.project_code,
    latest.project_name,
    latest.owner_name,
    latest.owner_credit_code,
    latest.flow_type_code,
    latest.investment_source_code,
    latest.total_investment_wan,
    latest.region_code,
    latest.street,
    coalesce(first_dates.first_registered_at, latest.registered_at) as registered_at,
    coalesce(first_dates.first_established_at, latest.established_at) as established_at,
    latest.is_major,
    latest.is_terminated,
    latest.terminated_at,
    latest.is_completed,
    latest.source_department,
    latest.registration_code,
    latest.batch_id,
    latest.row_number,
    latest.has_valid_check_digit,
    latest.name_key,
    latest.owner_credit_key,
    {{ has_valid_credit_code('owner_credit_key') }} as has_valid_owner_credit_code,
    coalesce(latest.project_name ~ household_pv_names.pattern, false) as is_household_pv
from latest
inner join first_dates using (project_code)
cross join household_pv_names
