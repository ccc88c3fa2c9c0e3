{#- What identity mended, inferred or had to leave out, in the columns of the issue log. -#}

with cases as not materialized (
    select * from {{ ref('int_cases') }}
),

works as (
    select * from {{ ref('int_works_unioned') }}
),

registrations as (
    select * from {{ ref('int_projects_unioned') }}
),

outcomes as (
    select * from {{ ref('int_correction_outcomes') }}
),

latest_registrations as (
    select distinct on (source_department, coalesce(registration_code, project_code_raw)) registrations.*
    from registrations
    order by source_department, coalesce(registration_code, project_code_raw), batch_id desc, row_number desc
)

select
    source_department as department,
    'code_mended' as rule,
    'case' as entity,
    case_id as business_key,
    project_code,
    '按 ' || concat_ws('、', given_project_code, given_works_code) || ' 识别' as detail,
    batch_id,
    row_number
from cases
where is_code_mended
union all
select
    source_department,
    'matched_by_evidence',
    'case',
    case_id,
    project_code,
    match_tier || '：' || match_evidence,
    batch_id,
    row_number
from cases
where match_tier in ('T4', 'T5', 'T6')
union all
select
    source_department,
    'works_of_other_project',
    'case',
    case_id,
    project_code,
    '工程代码“' || given_works_code || '”不是项目 ' || project_code || ' 的工程',
    batch_id,
    row_number
from cases
where given_works_code not in (works_code, project_code)
union all
select
    source_department,
    'works_without_code',
    'works',
    coalesce(works_code_raw, works_name, '空'),
    null,
    '工程代码 ' || coalesce(works_code_raw, '空'),
    batch_id,
    row_number
from works
where {{ canonical_code('works_code_raw') }} is null
union all
select
    source_department,
    'project_without_code',
    'project',
    coalesce(registration_code, project_name, '空'),
    null,
    '项目代码 ' || coalesce(project_code_raw, '空'),
    batch_id,
    row_number
from latest_registrations
where {{ canonical_code('project_code_raw') }} is null
union all
select
    source_department,
    'correction_not_applied',
    entity,
    key,
    null,
    concat_ws('，', field, not_applied_reason, '现为 ' || found_value),
    batch_id,
    row_number
from outcomes
where not is_applied
