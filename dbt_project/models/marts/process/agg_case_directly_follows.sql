{#- Percentiles are read off counted days: no pass over the cases, no sort of their steps. -#}

with counted as (
    select * from {{ ref('int_case_edge_counts') }}
),

calendar as (
    select * from {{ ref('int_calendar') }}
),

departments as (
    select * from {{ ref('int_departments') }}
),

item_names as (
    select * from {{ ref('int_current_items') }}
),

event_kinds as (
    select * from {{ ref('int_event_kinds') }}
),

sliced as (
    select
        case
            when grouping(item_code) = 0 then 'item'
            when grouping(department_id) = 0 then 'department'
            else 'all'
        end as slice,
        department_id,
        item_code,
        from_kind,
        to_kind,
        working_days,
        calendar_days,
        sum(edge_count) as edge_count,
        sum(case_count) as case_count,
        sum(repetition_count) as repetition_count
    from counted
    group by grouping sets (
        (from_kind, to_kind, working_days, calendar_days),
        (department_id, from_kind, to_kind, working_days, calendar_days),
        (department_id, item_code, from_kind, to_kind, working_days, calendar_days)
    )
),

running as (
    select
        sliced.*,
        sum(edge_count) filter (where working_days is not null) over edge as measured_count,
        sum(edge_count) filter (where working_days is not null) over (edge order by working_days) as running_working_count,
        sum(edge_count) filter (where calendar_days is not null) over (edge order by calendar_days) as running_calendar_count,
        sum(edge_count) filter (where calendar_days is not null) over edge as dated_count
    from sliced
    window edge as (partition by slice, department_id, item_code, from_kind, to_kind)
)

select
    running.slice,
    running.department_id,
    max(departments.department_name) as department_name,
    running.item_code,
    max(item_names.item_name) as item_name,
    running.from_kind,
    max(from_names.status_name) as from_name,
    running.to_kind,
    max(to_names.status_name) as to_name,
    sum(edge_count)::integer as edge_count,
    sum(case_count)::integer as case_count,
    sum(repetition_count)::integer as repetition_count,
    coalesce(max(measured_count), 0)::integer as measured_count,
    sum(working_days * edge_count)::bigint as total_working_days,
    {{ percentile_of_counts(0.5, 'working_days', 'running_working_count', 'measured_count') }} as median_working_days,
    {{ percentile_of_counts(0.9, 'working_days', 'running_working_count', 'measured_count') }} as p90_working_days,
    {{ percentile_of_counts(0.5, 'calendar_days', 'running_calendar_count', 'dated_count') }} as median_calendar_days,
    {{ percentile_of_counts(0.9, 'calendar_days', 'running_calendar_count', 'dated_count') }} as p90_calendar_days,
    {{ as_of() }} as as_of,
    {{ stamps() }}
from running
left join departments using (department_id)
left join item_names using (item_code)
left join event_kinds as from_names on from_names.event_kind = running.from_kind
left join event_kinds as to_names on to_names.event_kind = running.to_kind
group by running.slice, running.department_id, running.item_code, running.from_kind, running.to_kind
