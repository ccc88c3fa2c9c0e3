{{ config(
    materialized='incremental',
    incremental_strategy='replace_changed',
    unique_key='project_code',
    indexes=[{'columns': ['project_code']}, {'columns': ['case_id']}]
) }}

{#-
  逆序 (rules R6): each grant held against the items that had to be granted before it, within its 工程 or for its project.
  A grant is a case that passed, or a permit that names a case which is not there or still open.
-#}

with cases as (
    select * from {{ ref('int_item_instances') }}
    where item_code is not null and project_code is not null and {{ only_changed('project_code') }}
),

doubts as (
    select * from {{ ref('int_case_doubts') }}
),

permits as (
    select * from {{ ref('int_case_permits') }}
    where item_code is not null and not is_no_permit and {{ only_changed('project_code') }}
),

prerequisites as (
    select * from {{ ref('int_prerequisites') }}
),

order_exemptions as (
    select * from {{ ref('order_exemptions') }}
),

item_scopes as (
    select * from {{ ref('item_scopes') }}
),

item_names as (
    select * from {{ ref('int_current_items') }}
),

-- what all 工程 of a project share; filed under any one of them
project_items as (
    select item_names.item_code
    from item_names
    inner join item_scopes using (item_name)
    where item_scopes.scope = 'project'
),

-- kinds of items that may come first, by the name
exempt_items as (
    select
        item_names.item_code,
        min(order_exemptions.exemption) as exempt_kind
    from item_names
    inner join order_exemptions on item_names.item_name ~ order_exemptions.name_pattern
    group by item_names.item_code
),

applications as (
    select
        cases.case_id,
        null as permit_id,
        cases.project_code,
        cases.works_code,
        cases.item_code,
        cases.item_name,
        cases.department_id,
        cases.flow_type,
        coalesce(cases.accepted_date, cases.received_date, cases.closed_date) as began_date,
        case when cases.outcome = 'passed' then doubts.terminal_at end as granted_at,
        cases.outcome = 'passed' as is_case_grant,
        cases.is_tolerant,
        coalesce(cases.is_commitment, false) as is_commitment
    from cases
    inner join doubts using (case_id)
    union all
    select
        case when permits.has_case then permits.case_id end as case_id,
        permits.permit_id,
        permits.project_code,
        permits.works_code,
        permits.item_code,
        permits.item_name,
        permits.department_id,
        permits.flow_type,
        permits.issued_date as began_date,
        permits.issued_date as granted_at,
        false as is_case_grant,
        false as is_tolerant,
        false as is_commitment
    from permits
    where permits.project_code is not null
        and permits.issued_date <= {{ as_of() }}
        and (not permits.has_case or permits.outcome = 'open')
),

-- an item for the whole project is known at the project, any other at its 工程
places as (
    select
        applications.project_code,
        case when project_items.item_code is null then applications.works_code else applications.project_code end as place,
        applications.item_code,
        min(applications.granted_at) as granted_at,
        (array_agg(applications.case_id order by applications.granted_at nulls last, applications.case_id))[1] as case_id
    from applications
    left join project_items using (item_code)
    group by 1, 2, 3
),

edges as (
    select
        applications.*,
        prerequisites.prerequisite_item_code,
        required_names.item_name as prerequisite_item_name,
        prerequisites.basis,
        exempt_items.exempt_kind,
        coalesce(of_works.item_code, of_project.item_code) is not null as is_seen,
        case when of_works.item_code is not null then of_works.granted_at else of_project.granted_at end
            as prerequisite_granted_at,
        case when of_works.item_code is not null then of_works.case_id else of_project.case_id end as prerequisite_case_id
    from applications
    inner join prerequisites
        on prerequisites.item_code = applications.item_code
        and prerequisites.flow_type_code = coalesce(applications.flow_type, '')
        and applications.began_date between prerequisites.valid_from and prerequisites.valid_to
    left join item_names as required_names on required_names.item_code = prerequisites.prerequisite_item_code
    left join exempt_items on exempt_items.item_code = applications.item_code
    left join places as of_works
        on of_works.project_code = applications.project_code
        and of_works.place = applications.works_code
        and of_works.item_code = prerequisites.prerequisite_item_code
    left join places as of_project
        on of_project.project_code = applications.project_code
        and of_project.place = applications.project_code
        and of_project.item_code = prerequisites.prerequisite_item_code
    where applications.granted_at is not null
),

compared as (
    select
        edges.*,
        case
            when not is_seen then 'not_seen'
            when prerequisite_granted_at is null then 'decided_before'
            -- a day without an hour can only be compared as a day; on one day the order is then not in doubt
            when granted_at::time = time '00:00' or prerequisite_granted_at::time = time '00:00'
                then case when prerequisite_granted_at::date > granted_at::date then 'decided_before' else 'in_order' end
            when prerequisite_granted_at > granted_at then 'decided_before'
            else 'in_order'
        end as state,
        case
            when is_commitment then '告知承诺'
            when is_tolerant then '容缺'
            else exempt_kind
        end as exemption
    from edges
)

select
    md5(concat_ws('|', coalesce(case_id, permit_id), permit_id, prerequisite_item_code)) as prerequisite_id,
    project_code,
    works_code,
    case_id,
    permit_id,
    is_case_grant,
    item_code,
    item_name,
    department_id,
    granted_at,
    prerequisite_item_code,
    prerequisite_item_name,
    basis,
    is_seen,
    prerequisite_case_id,
    prerequisite_granted_at,
    state,
    exemption,
    state != 'not_seen' and exemption is null as is_counted,
    state = 'decided_before' and exemption is null as is_break
from compared
