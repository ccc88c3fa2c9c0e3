{#- Beside the stirred cases those whose clock runs on, and those that are told apart by what a changed one is. -#}

with build as (
    select * from {{ ref('int_build') }}
),

stirred as (
    select * from {{ ref('int_stirred_cases') }}
),

cases as (
    select
        case_id,
        works_code,
        item_code
    from {{ ref('int_cases') }}
)
{%- if var('only_changed', false) %},

open_cases as (
    select case_id
    from {{ previous('int_item_instances') }}
    where is_open
        and {{ previous_as_of() }} != {{ as_of() }}
),

changed as (
    select case_id from stirred
    union
    select case_id from open_cases
),

-- what was applied for of a 工程 and item, before and now: applications for the same know of each other
applied_for as (
    select works_code, item_code
    from cases
    inner join changed using (case_id)
    union
    select works_code, item_code
    from {{ previous('int_item_instances') }}
    inner join changed using (case_id)
),

siblings as (
    select cases.case_id
    from cases
    inner join applied_for using (works_code, item_code)
)

select case_id
from (select case_id from changed union select case_id from siblings) as every_changed
cross join build
{%- else %}

select case_id
from cases
cross join build
where false
{%- endif %}
