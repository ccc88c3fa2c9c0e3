{{ config(indexes=[{'columns': ['works_code'], 'unique': true}, {'columns': ['project_code']}]) }}

with works as (
    select * from {{ ref('int_works') }}
),

projects as (
    select * from {{ ref('int_projects') }}
),

regions as (
    select * from {{ ref('int_regions') }}
)

select
    works.works_code,
    works.project_code,
    projects.project_code is not null as is_project_known,
    works.works_name,
    works.predecessor_works_codes,
    works.flow_type_code as flow_type,
    works.flow_code,
    works.flow_version,
    works.region_code,
    coalesce(regions.current_region_code, works.region_code) as current_region_code,
    works.site,
    works.floor_area_square_metres,
    works.is_region_assessed,
    works.planned_start_date,
    works.planned_completion_date,
    works.reported_at::date as reported_date,
    works.source_department,
    works.batch_id,
    {{ as_of() }} as as_of
from works
left join projects on projects.project_code = works.project_code
left join regions on regions.region_code = works.region_code
