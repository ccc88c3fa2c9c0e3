{{ config(indexes=[{'columns': ['project_code', 'version_number'], 'unique': true}]) }}

{#- A project's attributes as they stood after each batch: of several registrations the one that int_projects takes. -#}
{%- set has_register = var('feeds').get('projects', []) | length > 0 -%}

with registrations as (
    {%- if has_register %}
    select * from {{ ref('int_project_registrations') }}
    {%- else %}
    -- without a register the works say what a project is, and their earlier versions are not kept
    select
        projects.*,
        project_code as registration_key,
        null::bigint as replaced_by_batch_id
    from {{ ref('int_projects') }} as projects
    {%- endif %}
),

batches as (
    select * from {{ ref('stg_landing__batches') }}
),

household_pv_names as (
    select string_agg(name_pattern, '|') as pattern
    from {{ ref('project_classes') }}
    where project_class = 'household_pv'
),

regions as (
    select * from {{ ref('int_regions') }}
),

-- whatever changed about a project, changed with a batch
moments as (
    select
        project_code,
        batch_id as moment_batch_id
    from registrations
    union
    select
        project_code,
        replaced_by_batch_id as moment_batch_id
    from registrations
    where replaced_by_batch_id is not null
),

standing as (
    select
        moments.project_code,
        moments.moment_batch_id,
        registrations.project_name,
        registrations.owner_name,
        registrations.owner_credit_code,
        registrations.flow_type_code,
        registrations.investment_source_code,
        registrations.total_investment_wan,
        registrations.region_code,
        registrations.street,
        registrations.registered_at,
        registrations.established_at,
        registrations.is_major,
        coalesce(registrations.is_terminated, false) as is_terminated,
        registrations.is_completed,
        registrations.source_department,
        registrations.registration_code,
        registrations.registration_key,
        registrations.batch_id,
        registrations.row_number,
        count(registrations.project_code) over one_moment as registration_count,
        row_number() over (
            one_moment
            order by registrations.registered_at desc nulls last, registrations.batch_id desc, registrations.row_number desc
        ) as place
    from moments
    left join registrations
        on registrations.project_code = moments.project_code
        and registrations.batch_id <= moments.moment_batch_id
        and coalesce(registrations.replaced_by_batch_id > moments.moment_batch_id, true)
    window one_moment as (partition by moments.project_code, moments.moment_batch_id)
),

compared as (
    select
        standing.*,
        md5(concat_ws(
            '|', registration_key is null, project_name, owner_name, owner_credit_code, flow_type_code,
            investment_source_code, total_investment_wan, region_code, street, registered_at, established_at, is_major,
            is_terminated, is_completed, source_department, registration_code, registration_count
        )) as content
    from standing
    where place = 1
),

changed as (
    select
        compared.*,
        content is distinct from lag(content) over (partition by project_code order by moment_batch_id) as is_changed
    from compared
),

versions as (
    select
        changed.*,
        lead(moment_batch_id) over (partition by project_code order by moment_batch_id) as next_batch_id
    from changed
    where is_changed
)

select
    versions.project_code,
    (row_number() over (partition by versions.project_code order by versions.moment_batch_id))::integer as version_number,
    versions.next_batch_id is null as is_current,
    {{ mask_project_name('versions.project_name', 'coalesce(versions.project_name ~ household_pv_names.pattern, false)') }} as project_name,
    {{ mask_name('versions.owner_name', 'versions.owner_credit_code') }} as owner_name,
    {{ mask_id('versions.owner_credit_code') }} as owner_credit_code,
    {{ has_valid_credit_code(canonical_credit_code('versions.owner_credit_code')) }} as has_valid_owner_credit_code,
    versions.flow_type_code as flow_type,
    versions.investment_source_code,
    versions.total_investment_wan,
    versions.region_code,
    coalesce(regions.current_region_code, versions.region_code) as current_region_code,
    substr(versions.project_code, 6, 6) as coding_region_code,
    versions.street,
    versions.registered_at::date as registered_date,
    versions.established_at::date as established_date,
    versions.is_major,
    versions.is_terminated as is_withdrawn,
    versions.is_completed,
    coalesce(versions.project_name ~ household_pv_names.pattern, false) as is_household_pv,
    {{ has_valid_check_digit('versions.project_code') }} as has_valid_check_digit,
    {{ has_old_code_format('versions.project_code') }} as has_old_code_format,
    versions.registration_count::integer as registration_count,
    versions.source_department,
    versions.registration_code,
    versions.moment_batch_id as valid_from_batch_id,
    versions.next_batch_id as valid_to_batch_id,
    from_batches.landed_at at time zone 'Asia/Shanghai' as valid_from_at,
    to_batches.landed_at at time zone 'Asia/Shanghai' as valid_to_at,
    {{ as_of() }} as as_of
from versions
cross join household_pv_names
left join regions using (region_code)
left join batches as from_batches on from_batches.batch_id = versions.moment_batch_id
left join batches as to_batches on to_batches.batch_id = versions.next_batch_id
-- the time in which no registration bore the code is a gap, not a version
where versions.registration_key is not null
