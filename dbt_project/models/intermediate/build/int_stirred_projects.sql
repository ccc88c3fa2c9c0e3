{#- Of int_changed_projects fewer: of most, an open case has only grown a day older. -#}

with build as (
    select * from {{ ref('int_build') }}
),

instances as (
    {{ signed_rows('int_item_instances', 'case_id') }}
),

case_days as (
    {{ signed_rows('int_case_days', 'case_id') }}
),

works as (
    select * from {{ ref('int_works') }}
),

projects as (
    select * from {{ ref('int_projects') }}
),

items as (
    select * from {{ ref('int_items') }}
)
{%- if var('only_changed', false) %},

-- all that is read of cases by the models that follow this one, beside the days of an open case
read as (
    select
        instances.sign,
        instances.case_id,
        instances.project_code,
        row(
            instances.works_code,
            instances.stage_number,
            instances.stage_name,
            instances.flow_type,
            instances.flow_type_name,
            instances.item_code,
            instances.item_version,
            instances.item_name,
            instances.department_id,
            instances.department_name,
            instances.office_name,
            instances.parallel_group_code,
            instances.is_tolerant,
            instances.outcome,
            instances.correction_count,
            instances.received_date,
            instances.accepted_date,
            instances.decided_date,
            instances.has_order_error,
            case_days.is_project_wide,
            case_days.start_date,
            case when not instances.is_open then case_days.end_date end,
            case when not instances.is_open then case_days.elapsed_working_days end
        ) as content
    from instances
    left join case_days using (case_id, sign)
),

stirred_cases as (
    select
        case_id,
        project_code
    from read
    group by case_id, project_code, content
    having sum(sign) != 0
),

stirred as (
    select project_code from stirred_cases
    union
    select content ->> 'project_code'
    from {{ changed_rows('int_works') }} as changed_works
    union
    select key
    from {{ changed_rows('int_projects') }} as changed_project
    union
    -- the catalogue names the items that one has to wait for, and those that a stage ends with
    select project_code
    from projects
    where {{ catalogue_differs() }}
)

select project_code
from stirred
cross join build
where project_code is not null
{%- else %}

select projects.project_code
from projects
cross join build
where false
{%- endif %}
