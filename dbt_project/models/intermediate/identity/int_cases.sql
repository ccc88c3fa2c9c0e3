{{ config(indexes=[{'columns': ['case_id'], 'unique': true}, {'columns': ['project_code']}]) }}

with cases as (
    select * from {{ ref('int_cases_unioned') }}
),

works as (
    select * from {{ ref('int_works') }}
),

projects as (
    select * from {{ ref('int_projects') }}
),

items as (
    select * from {{ ref('int_items') }}
),

departments as (
    select * from {{ ref('int_departments') }}
),

{%- if var('observation_dates') is not none %}
observation_dates as (
    select * from {{ var('observation_dates') }}
),
{%- endif %}

coded as (
    select
        cases.*,
        source_department || ':' || instance_code as case_id,
        {{ canonical_code('project_code_raw') }} as given_project_code,
        {{ canonical_code('works_code_raw') }} as given_works_code
    from cases
    where instance_code is not null
),

-- one row per case whatever the sender does: the newest stands
latest as (
    select distinct on (case_id) coded.*
    from coded
    order by case_id, batch_id desc, row_number desc
),

located as (
    select
        latest.*,
        works.works_code as known_works_code,
        -- the code on the case itself, else the one its works carries; a works code in the project's field counts too
        {{ project_prefix('latest.given_project_code') }} as own_project_code,
        works.project_code as project_code_of_works,
        {{ project_prefix('latest.given_works_code') }} as project_code_in_works_code
    from latest
    left join works
        on works.works_code = coalesce(
            latest.given_works_code,
            case when length(latest.given_project_code) > 24 then latest.given_project_code end
        )
),

matched as (
    select
        located.*,
        coalesce(by_code.project_code, by_works.project_code, by_prefix.project_code) as project_code,
        case
            when by_code.project_code is not null or by_works.project_code is not null
                then case
                    when {{ has_old_code_format('coalesce(by_code.project_code, by_works.project_code)') }} then 'T2'
                    when coalesce(by_code.has_valid_check_digit, by_works.has_valid_check_digit) then 'T1'
                    else 'T2'
                end
            when by_prefix.project_code is not null then 'T3'
        end as match_tier,
        coalesce(by_code.flow_type_code, by_works.flow_type_code, by_prefix.flow_type_code) as project_flow_type_code
    from located
    left join projects as by_code on by_code.project_code = located.own_project_code
    left join projects as by_works on by_works.project_code = located.project_code_of_works
    left join projects as by_prefix on by_prefix.project_code = located.project_code_in_works_code
),

-- a sender without item codes names its items: the catalogue's name stands for the code
item_names as (
    select distinct on (item_name) item_name, item_code
    from items
    where item_name is not null
    order by item_name, item_code
)

select
    matched.case_id,
    matched.source_department,
    coalesce(owner.department_id, matched.source_department) as department_id,
    matched.handling_department_name,
    matched.instance_code,
    matched.given_project_code,
    matched.project_code,
    -- a case for the whole project (no works code, or the project's code in its place) is kept under the project's code
    coalesce(matched.known_works_code, matched.given_works_code, matched.project_code) as works_code,
    matched.match_tier,
    coalesce(matched.item_code, item_names.item_code) as item_code,
    matched.item_version as given_item_version,
    matched.item_name as given_item_name,
    matched.project_name as given_project_name,
    coalesce(works.flow_type_code, matched.project_flow_type_code) as flow_type_code,
    matched.parallel_group_code,
    matched.channel_code,
    matched.promised_limit as given_promised_limit,
    matched.limit_unit as given_limit_unit,
    matched.certificate_number,
    {% if var('observation_dates') is not none -%}
    observation_dates.as_of as own_as_of,
    {%- else -%}
    null::date as own_as_of,
    {%- endif %}
    matched.batch_id,
    matched.row_number
from matched
left join works on works.works_code = matched.known_works_code
left join item_names on item_names.item_name = matched.item_name
left join lateral (
    select * from departments
    where matched.handling_department_name in (departments.department_name, departments.short_name)
    order by departments.department_id
    limit 1
) as owner on true
{%- if var('observation_dates') is not none %}
left join observation_dates
    on observation_dates.source_department = matched.source_department
    and observation_dates.instance_code = matched.instance_code
{%- endif %}
