{{ config(indexes=[{'columns': ['project_code'], 'unique': true}]) }}

with projects as (
    select * from {{ ref('int_projects') }}
),

works as (
    select * from {{ ref('int_works') }}
),

cases as (
    select * from {{ ref('fct_item_instance') }}
    where project_code is not null
),

acceptances as (
    select * from {{ ref('int_case_acceptances') }}
),

project_times as (
    select * from {{ ref('int_project_times') }}
),

milestones as (
    select * from {{ ref('int_project_milestones') }}
),

code_lists as (
    select * from {{ ref('code_lists') }}
),

calendar as (
    select * from {{ ref('int_calendar') }}
),

works_counts as (
    select
        project_code,
        count(*)::integer as works_count
    from works
    group by project_code
),

case_counts as (
    select
        cases.project_code,
        count(*)::integer as case_count,
        (count(*) filter (where is_decided))::integer as decided_case_count,
        (count(*) filter (where is_open))::integer as open_case_count,
        (count(*) filter (where is_open and is_overdue))::integer as overdue_case_count,
        sum(cases.correction_count)::integer as correction_count,
        sum(pause_count)::integer as pause_count,
        -- the latest of the sequential stages in which anything was received; stage 5 runs beside them
        max(stage_number) filter (where stage_number between 1 and 4) as latest_stage_number,
        (sum(promised_limit) filter (where limit_unit = 'working_days' and cases.accepted_date is not null))::integer
            as promised_working_days,
        (sum(statutory_limit) filter (where statutory_unit = 'working_days' and cases.accepted_date is not null))::integer
            as statutory_working_days,
        sum(promised_limit - elapsed_working_days) filter (where is_decided and limit_unit = 'working_days')
            as working_days_saved,
        bool_or(is_open and is_overdue) as has_late_open_case,
        bool_or(pace_state is not null) as has_pace,
        min(cases.received_date) as first_received_date,
        max(coalesce(closed_date, cases.as_of)) as last_case_date,
        max(acceptances.last_event_at)::date as last_event_date
    from cases
    inner join acceptances using (case_id)
    group by cases.project_code
),

joined as (
    select
        projects.*,
        milestones.land_use_permit_date,
        milestones.planning_permit_date,
        milestones.construction_permit_date,
        milestones.completion_date,
        coalesce(works_counts.works_count, 0) as works_count,
        coalesce(case_counts.case_count, 0) as case_count,
        coalesce(case_counts.decided_case_count, 0) as decided_case_count,
        coalesce(case_counts.open_case_count, 0) as open_case_count,
        coalesce(case_counts.overdue_case_count, 0) as overdue_case_count,
        coalesce(case_counts.correction_count, 0) as correction_count,
        coalesce(case_counts.pause_count, 0) as pause_count,
        case when milestones.completion_date is not null then 4 else case_counts.latest_stage_number end
            as current_stage_number,
        milestones.completion_date is null and not projects.is_terminated as is_open,
        project_times.approval_working_days,
        project_times.approval_working_days_union,
        project_times.sum_item_days,
        project_times.max_item_days,
        project_times.span_working_days,
        project_times.span_working_days - project_times.run_working_days as applicant_working_days,
        project_times.run_working_days - project_times.approval_working_days_union as all_paused_working_days,
        project_times.last_end_date - project_times.first_start_date as span_calendar_days,
        case_counts.promised_working_days,
        case_counts.statutory_working_days,
        case_counts.working_days_saved,
        case_counts.has_late_open_case,
        case_counts.has_pace,
        case_counts.first_received_date,
        coalesce(case_counts.last_event_date, projects.registered_at::date) as last_activity_date
    from projects
    left join works_counts using (project_code)
    left join case_counts using (project_code)
    left join project_times using (project_code)
    left join milestones using (project_code)
    -- a project registered after the day in question did not exist yet, unless a case of it already did
    where projects.registered_at is null
        or projects.registered_at::date <= {{ as_of() }}
        or case_counts.project_code is not null
)

select
    joined.project_code,
    joined.project_name,
    joined.owner_name,
    joined.flow_type_code as flow_type,
    flow_types.name as flow_type_name,
    investment_sources.name as investment_source_name,
    joined.total_investment_wan,
    joined.region_code,
    joined.street,
    joined.is_major,
    joined.registered_at::date as registered_date,
    joined.established_at::date as established_date,
    joined.land_use_permit_date,
    joined.planning_permit_date,
    joined.construction_permit_date,
    joined.completion_date,
    joined.current_stage_number,
    stages.name as current_stage_name,
    joined.is_open,
    joined.is_terminated as is_withdrawn,
    joined.is_open and joined.last_activity_date < {{ as_of() }} - {{ var('stalled_after_days') }} as is_stalled,
    joined.works_count,
    joined.case_count,
    joined.decided_case_count,
    joined.open_case_count,
    joined.overdue_case_count,
    joined.correction_count,
    joined.pause_count,
    joined.approval_working_days,
    joined.approval_working_days_union,
    joined.sum_item_days,
    joined.max_item_days,
    joined.span_working_days,
    joined.span_calendar_days,
    joined.applicant_working_days,
    joined.all_paused_working_days,
    joined.promised_working_days,
    joined.statutory_working_days,
    case
        when joined.has_late_open_case then 'late'
        when not coalesce(joined.has_pace, false) then null
        when joined.working_days_saved > 0 then 'ahead'
        else 'normal'
    end as pace_state,
    joined.first_received_date,
    joined.last_activity_date,
    date_trunc('month', joined.completion_date)::date as completed_month,
    date_trunc('month', joined.registered_at)::date as registered_month,
    {{ as_of() }} as as_of,
    {{ stamps() }}
from joined
left join code_lists as flow_types
    on flow_types.code_list = 'flow_type'
    and flow_types.code = joined.flow_type_code
left join code_lists as investment_sources
    on investment_sources.code_list = 'investment_source'
    and investment_sources.code = joined.investment_source_code
left join code_lists as stages
    on stages.code_list = 'stage'
    and stages.code = joined.current_stage_number::text
