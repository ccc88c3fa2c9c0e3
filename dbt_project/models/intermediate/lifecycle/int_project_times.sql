{{ config(indexes=[{'columns': ['project_code'], 'unique': true}]) }}

{#-
  Approval time of a project over the sequential stages 1 to 4: the union of active days per 工程, then the longest
  工程, and beside it the union over the whole project. A case for the whole project holds up every one of its 工程.
-#}

with case_days as (
    select * from {{ ref('int_case_days') }}
    where stage_number between 1 and 4
),

works as (
    select distinct
        project_code,
        works_code
    from case_days
),

has_works as (
    select
        project_code,
        bool_or(works_code != project_code) as has_own_works
    from works
    group by project_code
),

per_works as (
    select
        works.project_code,
        works.works_code,
        range_agg(case_days.active_days) as active_days
    from works
    inner join has_works using (project_code)
    inner join case_days
        on case_days.project_code = works.project_code
        and (case_days.works_code = works.works_code or case_days.is_project_wide)
    -- the project itself stands for a 工程 only while it has none
    where works.works_code != works.project_code or not has_works.has_own_works
    group by works.project_code, works.works_code
),

longest_works as (
    select
        project_code,
        max({{ working_days_in('active_days') }}) as approval_working_days
    from per_works
    group by project_code
),

merged as (
    select
        project_code,
        sum(elapsed_working_days)::integer as sum_item_days,
        max(elapsed_working_days) as max_item_days,
        range_agg(active_days) as active_days,
        range_agg(run_days) as run_days,
        min(start_date) as first_start_date,
        max(end_date) as last_end_date
    from case_days
    group by project_code
),

calendar as (
    select * from {{ ref('int_calendar') }}
)

select
    merged.project_code,
    longest_works.approval_working_days,
    {{ working_days_in('merged.active_days') }} as approval_working_days_union,
    {{ working_days_in('merged.run_days') }} as run_working_days,
    merged.sum_item_days,
    merged.max_item_days,
    last_day.working_day_number - first_day.working_day_number as span_working_days,
    merged.first_start_date,
    merged.last_end_date
from merged
inner join longest_works using (project_code)
inner join calendar as first_day on first_day.date_day = merged.first_start_date
inner join calendar as last_day on last_day.date_day = merged.last_end_date
