with corrections as (
    select * from {{ ref('int_corrections') }}
),

cases as not materialized (
    select * from {{ ref('int_cases') }}
),

works as (
    select * from {{ ref('int_works') }}
),

registrations as (
    select * from {{ ref('int_project_registrations') }}
    where is_current
),

projects as (
    select * from {{ ref('int_projects') }}
),

events as (
    select * from {{ ref('int_events') }}
),

touched as (
    select correction_outcomes from cases where correction_outcomes is not null
    union all
    select correction_outcomes from works where correction_outcomes is not null
    union all
    select correction_outcomes from registrations where correction_outcomes is not null
    union all
    select events.correction_outcomes
    from corrections
    inner join events using (case_id)
    where corrections.entity = 'event'
        and events.correction_outcomes is not null
),

-- one correction may meet several rows: a project registered twice, a 工程 that two departments send
met as (
    select
        outcome ->> 'correction_id' as correction_id,
        bool_or((outcome ->> 'is_applied')::boolean) as is_applied,
        string_agg(distinct coalesce(outcome ->> 'found', 'no value'), ', ') as found_value
    from touched
    cross join lateral jsonb_array_elements(correction_outcomes) as outcome
    group by outcome ->> 'correction_id'
),

matches as (
    select
        corrections.correction_id,
        cases.match_tier is not distinct from 'T6' and cases.project_code = corrections.new_value as is_applied,
        cases.case_id is not null as is_found,
        case when cases.match_tier != 'T6' then cases.project_code || ' (' || cases.match_tier || ')' end as found_value,
        projects.project_code is not null as is_project_known
    from corrections
    left join cases on cases.case_id = corrections.key
    left join projects on projects.project_code = corrections.new_value
    where corrections.entity = 'match'
)

select
    corrections.correction_id,
    corrections.source_department,
    corrections.entity,
    corrections.key,
    corrections.field,
    corrections.old_value,
    corrections.new_value,
    corrections.reason,
    corrections.editor,
    corrections.edited_date,
    corrections.is_in_newest_chain and coalesce(matches.is_applied, met.is_applied, false) as is_applied,
    corrections.is_standing,
    case
        when not corrections.is_in_newest_chain then 'superseded'
        when corrections.entity = 'match' and not matches.is_found then 'no_such_row'
        when corrections.entity = 'match' and not matches.is_project_known then 'no_such_project'
        when corrections.entity = 'match' then 'already_matched'
        when met.correction_id is null then 'no_such_row'
        else 'value_differs'
    end as not_applied_reason,
    coalesce(matches.found_value, met.found_value) as found_value,
    corrections.batch_id,
    corrections.row_number
from corrections
left join matches using (correction_id)
-- the last of a chain speaks for those before it
left join corrections as standing
    on standing.entity = corrections.entity
    and standing.key = corrections.key
    and standing.field = corrections.field
    and standing.is_standing
left join met on met.correction_id = standing.correction_id
