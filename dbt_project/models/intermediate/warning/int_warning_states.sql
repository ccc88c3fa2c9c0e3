{%- set planned = var('planned_pause_working_days') -%}

with instances as (
    select * from {{ ref('int_item_instances') }}
    where is_open
),

pauses as (
    select * from {{ ref('int_item_pauses') }}
    where is_open and stops_promise
),

special_procedures as (
    select * from {{ ref('stg_spgl__special_procedures') }}
),

lifecycles as (
    select * from {{ ref('int_project_lifecycles') }}
    where is_open
),

projects as (
    select * from {{ ref('int_projects') }}
),

departments as (
    select * from {{ ref('int_departments') }}
),

levels as (
    select * from {{ ref('warning_levels') }}
),

stamp as (
    select as_of, calendar_version, rule_version from {{ ref('int_build') }}
),

-- what the sender says a procedure may take; the status log knows it by the day it begins
allowances as (
    select
        source_department,
        instance_code,
        started_at::date as started_date,
        procedure_code as reason_code,
        max(allowed_days) as allowed_days,
        max(allowed_unit) as allowed_unit
    from special_procedures
    where allowed_days is not null and allowed_unit is not null
    group by source_department, instance_code, started_at::date, procedure_code
),

planned_pauses as (
    select
        pauses.case_id,
        pauses.pause_kind,
        pauses.reason_name,
        pauses.responsible_party,
        pauses.started_date,
        coalesce(allowances.allowed_unit, 'working_days') as planned_unit,
        case
            when allowances.allowed_days is not null then allowances.allowed_days
            {%- for kind, days in planned.items() %}
            when pauses.pause_kind = '{{ kind }}' then {{ days }}
            {%- endfor %}
        end as planned_days,
        case allowances.allowed_unit
            when 'calendar_days' then stamp.as_of - pauses.started_date
            else pauses.excluded_working_days
        end as paused_days
    from pauses
    cross join stamp
    inner join instances using (case_id)
    left join allowances
        on pauses.pause_kind = 'special'
        and allowances.source_department = instances.source_department
        and allowances.instance_code = instances.instance_code
        and allowances.started_date = pauses.started_date
        and allowances.reason_code = pauses.reason_code
),

-- of several pauses that are too old, the one that is so by most
oldest_pauses as (
    select distinct on (case_id) *
    from planned_pauses
    where paused_days > planned_days
    order by case_id, paused_days - planned_days desc, started_date, pause_kind
),

running as (
    select
        instances.*,
        case
            when remaining_working_days <= -3 then 'overdue_3'
            when remaining_working_days < 0 then 'overdue_1'
            when remaining_working_days = 0 then 'due'
            else 'warn'
        end as level
    from instances
    where alert_state in ('warn', 'overdue')
        and remaining_working_days is not null
        and not exists (select from pauses where pauses.case_id = instances.case_id)
),

cases as (
    select
        running.case_id,
        running.level,
        jsonb_build_object(
            'due_date', running.due_date,
            'remaining_working_days', running.remaining_working_days,
            'overdue_working_days', greatest(-running.remaining_working_days, 0)
        ) as numbers
    from running
    union all
    select
        oldest_pauses.case_id,
        'paused' as level,
        jsonb_build_object(
            'pause_kind', oldest_pauses.pause_kind,
            'pause_name', oldest_pauses.reason_name,
            'pause_party', oldest_pauses.responsible_party,
            'paused_since', oldest_pauses.started_date,
            'paused_days', oldest_pauses.paused_days,
            'planned_days', oldest_pauses.planned_days,
            'planned_unit', oldest_pauses.planned_unit
        ) as numbers
    from oldest_pauses
),

described_cases as (
    select
        cases.case_id as subject_key,
        cases.case_id,
        instances.project_code,
        instances.department_id,
        instances.department_name,
        instances.office_name,
        cases.level,
        cases.numbers || jsonb_build_object(
            'instance_code', instances.instance_code,
            'item_code', instances.item_code,
            'item_name', instances.item_name,
            'stage_name', instances.stage_name,
            'project_name', {{ mask_project_name('projects.project_name', 'projects.is_household_pv') }},
            'accepted_date', instances.accepted_date,
            'promised_limit', instances.promised_limit,
            'limit_unit', instances.limit_unit
        ) as numbers
    from cases
    inner join instances using (case_id)
    left join projects on projects.project_code = instances.project_code
),

-- household rooftop PV is filed by the thousand: nobody waits for it
stalled_projects as (
    select
        lifecycles.project_code as subject_key,
        null::text as case_id,
        lifecycles.project_code,
        lifecycles.next_due_department_id as department_id,
        lifecycles.next_due_department_name as department_name,
        lifecycles.next_due_office_name as office_name,
        'stalled' as level,
        jsonb_build_object(
            'project_name', {{ mask_project_name('lifecycles.project_name', 'lifecycles.is_household_pv') }},
            'last_activity_date', lifecycles.last_activity_date,
            'idle_calendar_days', stamp.as_of - lifecycles.last_activity_date
        ) as numbers
    from lifecycles
    cross join stamp
    where lifecycles.last_activity_date < stamp.as_of - {{ var('stalled_after_days') }}
        and not coalesce(lifecycles.is_household_pv, false)
),

subjects as (
    select * from described_cases
    union all
    select * from stalled_projects
)

select
    subjects.subject_key,
    subjects.case_id,
    subjects.project_code,
    subjects.department_id,
    subjects.department_name,
    subjects.office_name,
    levels.ladder,
    levels.level,
    levels.rung,
    jsonb_strip_nulls(subjects.numbers || jsonb_build_object(
        'as_of', stamp.as_of,
        'calendar_version', stamp.calendar_version,
        'rule_version', stamp.rule_version,
        'is_example', (select coalesce(bool_or(departments.is_example), false) from departments)
    )) as evaluated
from subjects
inner join levels using (level)
cross join stamp
