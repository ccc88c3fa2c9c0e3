{{ config(
    materialized='incremental',
    incremental_strategy='write_differences',
    unique_key='works_code',
    indexes=[{'columns': ['works_code'], 'unique': true}, {'columns': ['project_code']}]
) }}

with works as (
    select * from {{ ref('int_works_unioned') }}
),

coded as (
    select
        works.*,
        {{ canonical_code('works_code_raw') }} as works_code,
        {{ canonical_code('project_code_raw') }} as given_project_code
    from works
),

latest as (
    -- several departments send the works they handle: the fullest and newest row describes it
    select distinct on (works_code)
        works_code,
        -- the code's own head stands in where the project code was left out or is no code
        coalesce({{ project_prefix('given_project_code') }}, {{ project_prefix('works_code') }}) as project_code,
        given_project_code,
        works_name,
        predecessor_works_codes,
        flow_type_code,
        region_code,
        reported_at,
        flow_code,
        planned_start_date,
        planned_completion_date,
        flow_version,
        floor_area_square_metres,
        is_region_assessed,
        site,
        correction_outcomes,
        source_department,
        batch_id,
        row_number
    from coded
    where works_code is not null
    order by works_code, flow_type_code is null, reported_at desc nulls last, source_department, batch_id desc, row_number desc
)

select * from latest
