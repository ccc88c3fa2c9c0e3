{#- The planner expects one row of each step here and would join them by loops over all of them. -#}
{{ config(
    materialized='incremental',
    incremental_strategy='write_differences',
    unique_key='case_id',
    indexes=[{'columns': ['case_id'], 'unique': true}, {'columns': ['project_code']}],
    meta={'among': 'int_touched_cases'},
    pre_hook="set local enable_nestloop = off"
) }}

with touched as (
    select * from {{ ref('int_touched_cases') }}
),

cases as (
    {{ sent_cases(ref('int_touched_cases') if var('only_changed', false) else none) }}
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

permit_numbers as (
    select * from {{ ref('int_permit_numbers') }}
),

regions as (
    select * from {{ ref('int_regions') }}
),

corrections as (
    select * from {{ ref('int_corrections') }}
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
        works.flow_type_code as works_flow_type_code,
        works.works_name,
        works.region_code as works_region_code,
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
        case
            when by_code.project_code is not null then 'project_code'
            when by_works.project_code is not null then 'works'
            when by_prefix.project_code is not null then 'head_of_works_code'
        end as matched_on,
        coalesce(by_code.flow_type_code, by_works.flow_type_code, by_prefix.flow_type_code) as project_flow_type_code
    from located
    left join projects as by_code on by_code.project_code = located.own_project_code
    left join projects as by_works on by_works.project_code = located.project_code_of_works
    left join projects as by_prefix on by_prefix.project_code = located.project_code_in_works_code
),

-- what no code led to: few rows, so that what follows may be thorough
unlinked as (
    select
        matched.case_id,
        matched.source_department,
        matched.instance_code,
        {{ comparable_name('coalesce(matched.project_name, matched.works_name)') }} as name_key,
        {{ canonical_credit_code('matched.applicant_credit_code') }} as credit_code,
        coalesce(regions.current_region_code, matched.region_code, matched.works_region_code) as region_code,
        {{ canonical_document_number('matched.related_document_number') }} as related_number_key
    from matched
    left join regions on regions.region_code = coalesce(matched.region_code, matched.works_region_code)
    where matched.project_code is null
),

-- T4: a number on this case, or quoted by it, that another case or document of one known project bears too
quoted_numbers as (
    select
        unlinked.case_id,
        permit_numbers.number_key
    from unlinked
    inner join permit_numbers using (case_id)
    union
    select
        case_id,
        related_number_key
    from unlinked
    where related_number_key is not null
),

shared_numbers as (
    select
        quoted_numbers.case_id,
        permit_numbers.case_id as other_case_id,
        permit_numbers.document_number,
        permit_numbers.project_code
    from quoted_numbers
    inner join permit_numbers using (number_key)
    where permit_numbers.case_id != quoted_numbers.case_id
        -- "12号" names nothing
        and length(quoted_numbers.number_key) >= {{ var('shortest_permit_number') }}
),

linked as (
    select
        case_id,
        project_code
    from matched
    where project_code is not null
    {%- if var('only_changed', false) %}
    union all
    -- what a code led to before, of the cases that stay as they are
    select
        former.case_id,
        former.project_code
    from {{ this }} as former
    left join touched using (case_id)
    where touched.case_id is null
        and former.match_tier in ('T1', 'T2', 'T3')
    {%- endif %}
),

number_projects as (
    select
        shared_numbers.case_id,
        min(projects.project_code) as project_code,
        min('文号 ' || shared_numbers.document_number || ' 同见于 ' || shared_numbers.other_case_id) as evidence
    from shared_numbers
    left join linked on linked.case_id = shared_numbers.other_case_id
    inner join projects on projects.project_code = coalesce(linked.project_code, shared_numbers.project_code)
    group by shared_numbers.case_id
    having count(distinct projects.project_code) = 1
),

-- T5: the same owner by a valid credit code, the same region, nearly the same name; only where one project fits. Each
-- name is compared once, however many cases bear it
applicants as (
    select distinct
        credit_code,
        region_code,
        name_key,
        {{ bigrams('name_key') }} as name_pairs
    from unlinked
    where credit_code is not null
        and name_key is not null
),

owners as (
    select
        projects.project_code,
        projects.owner_credit_key as credit_code,
        {{ bigrams('projects.name_key') }} as owned_name_pairs,
        coalesce(regions.current_region_code, projects.region_code) as region_code
    from projects
    left join regions using (region_code)
    where projects.has_valid_owner_credit_code
        and projects.name_key is not null
        and projects.owner_credit_key in (select credit_code from applicants)
),

likely_owners as (
    select
        applicants.*,
        owners.project_code,
        {{ name_similarity('applicants.name_pairs', 'owners.owned_name_pairs') }} as similarity
    from applicants
    inner join owners using (credit_code, region_code)
),

owner_projects as (
    select
        unlinked.case_id,
        min(likely_owners.project_code) as project_code,
        '申请单位 ' || min(credit_code) || ' 即建设单位，行政区划相同，名称相似度 ' || min(likely_owners.similarity)
            as evidence
    from unlinked
    inner join likely_owners using (credit_code, region_code, name_key)
    where likely_owners.similarity >= {{ var('same_name_from') }}
    group by unlinked.case_id
    having count(*) = 1
),

-- T6: only what a person confirmed in the review queue
confirmed as (
    select
        unlinked.case_id,
        projects.project_code,
        corrections.reason as evidence,
        corrections.editor as confirmed_by,
        corrections.edited_date as confirmed_date
    from unlinked
    inner join corrections
        on corrections.entity = 'match'
        and corrections.is_standing
        and corrections.source_department = unlinked.source_department
        and corrections.instance_code = unlinked.instance_code
    inner join projects on projects.project_code = corrections.new_value
),

links as (
    select
        unlinked.case_id,
        coalesce(number_projects.project_code, owner_projects.project_code, confirmed.project_code) as project_code,
        case
            when number_projects.project_code is not null then 'T4'
            when owner_projects.project_code is not null then 'T5'
            else 'T6'
        end as match_tier,
        case
            when number_projects.project_code is not null then 'permit_number'
            when owner_projects.project_code is not null then 'owner_region_name'
            else 'confirmed'
        end as matched_on,
        coalesce(number_projects.evidence, owner_projects.evidence, confirmed.evidence) as evidence,
        case when coalesce(number_projects.project_code, owner_projects.project_code) is null then confirmed.confirmed_by end
            as confirmed_by,
        case when coalesce(number_projects.project_code, owner_projects.project_code) is null then confirmed.confirmed_date end
            as confirmed_date
    from unlinked
    left join number_projects using (case_id)
    left join owner_projects using (case_id)
    left join confirmed using (case_id)
    where coalesce(number_projects.project_code, owner_projects.project_code, confirmed.project_code) is not null
),

-- a sender without item codes names its items: the catalogue's name stands for the code
item_names as (
    select distinct on (item_name) item_name, item_code
    from items
    where item_name is not null
    order by item_name, item_code
),

department_names as (
    select distinct on (name)
        name,
        department_id
    from departments
    cross join lateral unnest(array[department_name, short_name]) as name
    order by name, department_id
)

select
    matched.case_id,
    matched.source_department,
    coalesce(department_names.department_id, matched.source_department) as department_id,
    matched.handling_department_name,
    matched.instance_code,
    matched.given_project_code,
    matched.given_works_code,
    coalesce(matched.project_code, links.project_code) as project_code,
    -- a case for the whole project (no works code, or the project's code in its place) is kept under the project's code
    {{ works_of_project(
        'coalesce(matched.project_code, links.project_code)', 'matched.known_works_code', 'matched.project_code_of_works',
        'matched.given_works_code'
    ) }} as works_code,
    coalesce(matched.match_tier, links.match_tier) as match_tier,
    coalesce(matched.matched_on, links.matched_on) as matched_on,
    links.evidence as match_evidence,
    links.confirmed_by as match_confirmed_by,
    links.confirmed_date as match_confirmed_date,
    case
        when coalesce(matched.project_code, links.project_code) is not null then null
        when coalesce(matched.own_project_code, matched.project_code_of_works, matched.project_code_in_works_code) is not null
            then case
                when {{ has_old_code_format('coalesce(matched.own_project_code, matched.project_code_of_works, matched.project_code_in_works_code)') }}
                    or {{ has_valid_check_digit('coalesce(matched.own_project_code, matched.project_code_of_works, matched.project_code_in_works_code)') }}
                    then 'unknown_project'
                else 'check_digit_wrong'
            end
        when coalesce(matched.given_project_code, matched.given_works_code) is not null then 'not_a_code'
        when coalesce(matched.project_code_raw, matched.works_code_raw) is not null then 'stand_in_code'
        else 'no_code'
    end as unmatched_reason,
    coalesce(matched.item_code, item_names.item_code) as item_code,
    -- 无, 000000 and the like stand where a code should: said of the case although its works code may lead to its project
    matched.project_code_raw is not null and matched.given_project_code is null as has_stand_in_project_code,
    matched.item_version as given_item_version,
    matched.item_name as given_item_name,
    matched.project_name as given_project_name,
    matched.applicant_name,
    matched.applicant_credit_code,
    matched.region_code as given_region_code,
    coalesce(matched.works_flow_type_code, matched.project_flow_type_code, linked_projects.flow_type_code) as flow_type_code,
    matched.parallel_group_code,
    matched.channel_code,
    matched.promised_limit as given_promised_limit,
    matched.limit_unit as given_limit_unit,
    matched.certificate_number,
    matched.related_document_number,
    matched.is_commitment,
    matched.tolerance_due_date,
    {% if var('observation_dates') is not none -%}
    observation_dates.as_of as own_as_of,
    {%- else -%}
    null::date as own_as_of,
    {%- endif %}
    -- '#' is how some senders write the dash before a serial
    coalesce(translate(matched.project_code_raw, '#', '-') != matched.given_project_code, false)
        or coalesce(translate(matched.works_code_raw, '#', '-') != matched.given_works_code, false) as is_code_mended,
    matched.correction_outcomes,
    matched.batch_id,
    matched.row_number
from matched
left join links using (case_id)
left join projects as linked_projects on linked_projects.project_code = links.project_code
left join item_names on item_names.item_name = matched.item_name
left join department_names on department_names.name = matched.handling_department_name
{%- if var('observation_dates') is not none %}
left join observation_dates
    on observation_dates.source_department = matched.source_department
    and observation_dates.instance_code = matched.instance_code
{%- endif %}
