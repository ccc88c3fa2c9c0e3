{#- What only many cases together show: a department or an office whose records look alike, or lack something. -#}

with instances as (
    select * from {{ ref('int_item_instances') }}
),

counts as (
    select * from {{ ref('int_record_counts') }}
),

permits as (
    select * from {{ ref('int_case_permits') }}
    where origin = 'document'
),

opinions as (
    select
        source_department,
        office_name,
        terminal_opinion,
        case_count as opinion_count,
        sum(case_count) over (partition by source_department, office_name) as office_count
    from counts
    where terminal_opinion is not null
),

offices as (
    select
        source_department,
        office_name,
        sum(case_count) as case_count,
        sum(decided_count) as decided_count,
        sum(zero_day_count) as zero_day_count,
        sum(closed_day_count) as closed_day_count,
        sum(outside_hours_count) as outside_hours_count
    from counts
    group by source_department, office_name
),

departments as (
    select
        source_department,
        sum(case_count) as case_count,
        sum(entry_count) as entry_count,
        sum(correction_event_count) as correction_event_count,
        sum(withdrawn_count) as withdrawn_count
    from counts
    group by source_department
),

due_months as (
    select
        source_department,
        due_month,
        bool_and(is_on_time is true) as is_flat
    from instances
    where {{ has_ended('due_date', as_of()) }} and counts_when_due
    group by source_department, due_month
    having count(*) >= 10
),

flat_runs as (
    select
        source_department,
        min(due_month) as first_month,
        max(due_month) as last_month,
        count(*) as month_count
    from (
        select
            due_months.*,
            row_number() over (partition by source_department, is_flat order by due_month)
            - row_number() over (partition by source_department order by due_month) as run
        from due_months
    ) as numbered
    where is_flat
    group by source_department, run
    having count(*) >= 6
),

titles as (
    select
        source_department,
        count(*) as document_count,
        count(*) filter (where char_length(coalesce(document_title, '')) <= 6) as short_title_count
    from permits
    group by source_department
)

select source_department, 'constant_opinion' as rule, 'office' as entity, office_name as business_key,
    office_count || ' 件办结意见中 ' || opinion_count || ' 件是“' || terminal_opinion || '”' as detail
from opinions
where office_count >= 20 and opinion_count > 0.9 * office_count
union all
select source_department, 'mostly_zero_days', 'office', office_name,
    decided_count || ' 件承诺件中 ' || zero_day_count || ' 件当日办结'
from offices
where decided_count >= 20 and zero_day_count > 0.5 * decided_count
union all
select source_department, 'outside_office_hours', 'office', office_name,
    case_count || ' 件办件中有 ' || outside_hours_count || ' 条记录在 08:00–17:30 以外'
from offices
where outside_hours_count > 0
union all
select source_department, 'accepted_on_closed_day', 'office', office_name,
    case_count || ' 件办件中 ' || closed_day_count || ' 件在休息日受理'
from offices
where closed_day_count > 0
union all
select source_department, 'always_on_time', 'department', source_department,
    to_char(first_month, 'YYYY-MM') || ' 至 ' || to_char(last_month, 'YYYY-MM') || ' 连续 ' || month_count || ' 个月全部按时'
from flat_runs
union all
select source_department, 'no_corrections_sent', 'department', source_department, case_count || ' 件办件没有一次补正'
from departments
where case_count >= 100 and correction_event_count = 0
union all
select source_department, 'no_withdrawals_sent', 'department', source_department, case_count || ' 件办件没有一件撤件'
from departments
where case_count >= 300 and withdrawn_count = 0
union all
select source_department, 'no_entry_times', 'department', source_department, case_count || ' 件办件没有一条录入时间'
from departments
where entry_count = 0
union all
select source_department, 'constant_document_title', 'department', source_department,
    document_count || ' 份批复中 ' || short_title_count || ' 份标题不超过六个字'
from titles
where document_count >= 20 and short_title_count > 0.9 * document_count
