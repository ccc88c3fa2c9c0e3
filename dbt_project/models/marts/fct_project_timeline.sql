{{ config(materialized='view') }}

{#- What a project's page draws: everything that has a place in time, one lane under the other. -#}

with stages as (
    select * from {{ ref('fct_stage') }}
),

-- read by two of the lanes: without the hint both would go through every case for one project's page
cases as not materialized (
    select * from {{ ref('fct_item_instance') }}
),

pauses as (
    select * from {{ ref('fct_item_pause') }}
),

milestones as (
    select * from {{ ref('fct_milestone') }}
),

permits as (
    select * from {{ ref('fct_permit') }}
),

stage_bars as (
    select
        project_code,
        works_code,
        1 as lane_order,
        '阶段' as lane_kind,
        stage_number || ' ' || stage_name as lane,
        pace_name as state,
        coalesce(first_received_date, first_accepted_date) as started_date,
        coalesce(finished_date, as_of) as ended_date,
        decided_case_count || ' / ' || case_count || ' 件办结，并集用时 ' || coalesce(union_active_days::text, '—') || ' 工作日'
            || coalesce('，时限 ' || stage_limit, '') as detail,
        null::text as case_id,
        as_of
    from stages
    where coalesce(first_received_date, first_accepted_date) is not null
),

case_bars as (
    select
        project_code,
        works_code,
        2 as lane_order,
        '办件' as lane_kind,
        item_name as lane,
        case when is_open then alert_name else pace_name end as state,
        coalesce(received_date, accepted_date) as started_date,
        coalesce(closed_date, as_of) as ended_date,
        department_name || coalesce('·' || office_name, '') || '，' || outcome_name || '，净用时 '
            || coalesce(elapsed_working_days::text, '—') || coalesce(' / 承诺 ' || promised_limit, '') as detail,
        case_id,
        as_of
    from cases
    where coalesce(received_date, accepted_date) is not null and project_code is not null
),

pause_bars as (
    select
        cases.project_code,
        cases.works_code,
        3 as lane_order,
        '暂停' as lane_kind,
        cases.item_name as lane,
        '暂停' as state,
        pauses.started_date,
        coalesce(pauses.ended_date, pauses.as_of) as ended_date,
        nullif(concat_ws(
            '，',
            coalesce(pauses.reason_name, case when pauses.pause_kind = 'correction' then '补正' end),
            '由' || pauses.responsible_party,
            case when pauses.is_open then '未结束' end
        ), '') as detail,
        pauses.case_id,
        pauses.as_of
    from cases
    -- by the project too: the page of one project then reads no other's pauses
    inner join pauses using (case_id, project_code)
),

milestone_points as (
    select
        project_code,
        works_code,
        0 as lane_order,
        '里程碑' as lane_kind,
        milestone_name as lane,
        '已达到' as state,
        milestone_date as started_date,
        milestone_date as ended_date,
        coalesce(
            '依据：' || document_number,
            case evidence when 'case' then '办件办结' when 'register' then '登记信息' else '批文证照' end
        ) || coalesce('，登记时计划 ' || planned_date::text, '') as detail,
        case_id,
        as_of
    from milestones
    where is_reached
),

permit_points as (
    select
        project_code,
        works_code,
        4 as lane_order,
        '批文证照' as lane_kind,
        coalesce(document_title, item_name, '证照') as lane,
        '已核发' as state,
        issued_date as started_date,
        issued_date as ended_date,
        document_number as detail,
        case_id,
        as_of
    from permits
    where issued_date is not null and project_code is not null
)

select * from milestone_points
union all
select * from stage_bars
union all
select * from case_bars
union all
select * from pause_bars
union all
select * from permit_points
