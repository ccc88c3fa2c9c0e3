with build as (
    select * from {{ ref('int_build') }}
),

changed_cases as (
    select * from {{ ref('int_changed_cases') }}
),

cases as (
    select * from {{ ref('int_cases') }}
),

projects as (
    select * from {{ ref('int_projects') }}
),

works as (
    select * from {{ ref('int_works') }}
),

case_permits as not materialized (
    select * from {{ ref('int_case_permits') }}
),

loose_permits as (
    select * from {{ ref('int_loose_permits') }}
),

agency_workdays as (
    select * from {{ ref('int_agency_workdays') }}
),

items as (
    select * from {{ ref('int_items') }}
)
{%- if var('only_changed', false) %},

changed as (
    select cases.project_code
    from changed_cases
    inner join cases using (case_id)
    union
    -- the project that a case had before, and the one it has now
    select content ->> 'project_code'
    from {{ changed_rows('int_cases') }} as changed_case
    union
    select content ->> 'project_code'
    from {{ changed_rows('int_works') }} as changed_works
    union
    select key
    from {{ changed_rows('int_projects') }} as changed_project
    union
    select key
    from {{ changed_rows('int_agency_workdays') }} as changed_agency
    union
    select content ->> 'project_code'
    from {{ changed_rows('int_loose_permits') }} as changed_permit
    union
    select case_permits.project_code
    from case_permits
    inner join changed_cases using (case_id)
    union
    -- the catalogue names the items that a project's steps and milestones are told by
    select project_code
    from projects
    where {{ catalogue_differs() }}
    union
    -- the day moves past something that has a date of its own
    select project_code
    from projects
    cross join lateral (values (registered_at), (established_at), (terminated_at)) as dated (moment)
    where {{ between_days('dated.moment') }}
    union
    select project_code
    from works
    where {{ between_days('reported_at') }}
    union
    select project_code
    from case_permits
    where {{ between_days('issued_date') }}
    union
    select project_code
    from loose_permits
    where {{ between_days('issued_date') }}
)

select project_code
from changed
cross join build
where project_code is not null
{%- else %}

select projects.project_code
from projects
cross join build
where false
{%- endif %}
