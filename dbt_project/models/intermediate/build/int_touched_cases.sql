{#-
  Each way in which int_cases can come out otherwise for a case than in the last build: what is sent of it, what its
  codes lead to, and, where they lead to nothing, everything else. Departments, regions and rules change by a full
  refresh only.
-#}

with build as (
    select * from {{ ref('int_build') }}
),

feed_cases as (
    select * from {{ ref('int_feed_cases') }}
),

corrections as (
    select * from {{ ref('int_corrections') }}
),

items as (
    select * from {{ ref('int_items') }}
),

works as (
    select * from {{ ref('int_works') }}
),

projects as (
    select * from {{ ref('int_projects') }}
)
{%- if var('only_changed', false) %},

former as not materialized (
    select * from {{ previous('int_cases') }} as cases
),

sent_rows as (
    {{ spgl_new_instances(['spgl_xmspsxblxxb']) }}
),

-- who applies is told by the rows on the works
new_organisations as (
    {%- for department in var('spgl_departments') %}
    {%- set relation = spgl_relation(department, 'spgl_xmdwxxb') %}
    select
        '{{ department }}' as source_department,
        {{ canonical_code(clean_text('versions.gcdm')) }} as works_code
    from {{ relation }} as new_rows
    inner join {{ source('build', 'build_batch') }} as batches
        on batches.batch_id = new_rows._batch_id
        and batches.is_new
    inner join {{ relation }} as versions on coalesce(versions.lsh, '') = coalesce(new_rows.lsh, '')
    {{ 'union all' if not loop.last }}
    {%- else %}
    select null as source_department, null as works_code
    where false
    {%- endfor %}
),

-- of works and of projects; a works' project gives its cases their flow type where their own says nothing
changed_codes as (
    select key as code
    from {{ changed_rows('int_works') }} as changed
    union
    select works.works_code
    from works
    inner join {{ changed_rows('int_projects') }} as changed on changed.key = works.project_code
    union
    select key
    from {{ changed_rows('int_projects') }} as changed
),

-- one scan; a code of a project may be the beginning of a longer one
led_otherwise as (
    select case_id
    from former
    where given_works_code in (select code from changed_codes)
        or given_project_code in (select code from changed_codes)
        or project_code in (select code from changed_codes)
        or left(given_project_code, 24) in (select code from changed_codes)
        or left(given_works_code, 24) in (select code from changed_codes)
        -- no code led these to a project: what does may be sent of any other case, document or project
        or coalesce(match_tier, '') not in ('T1', 'T2', 'T3')
        -- the catalogue's names stand for codes that are not sent
        or exists (select 1 from {{ changed_rows('int_items') }} as changed)
),

touched as (
    select case_id from sent_rows
    union all
    select key as case_id
    from {{ changed_rows('int_feed_cases') }} as changed
    union all
    select content ->> 'case_id' as case_id
    from {{ changed_rows('int_corrections') }} as changed
    where content ->> 'entity' in ('case', 'match')
    union all
    select former.case_id
    from former
    inner join new_organisations
        on new_organisations.source_department = former.source_department
        and new_organisations.works_code = former.given_works_code
    union all
    select case_id from led_otherwise
)

select distinct case_id
from touched
cross join build
where case_id != ''
{%- else %}

select null::text as case_id
from build
where false
{%- endif %}
