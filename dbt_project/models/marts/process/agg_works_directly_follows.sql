{#- Percentiles are read off counted days: no pass over the steps. -#}

with counted as (
    select * from {{ ref('int_works_edge_counts') }}
),

item_names as (
    select * from {{ ref('int_current_items') }}
),

code_lists as (
    select * from {{ ref('code_lists') }}
),

calendar as (
    select * from {{ ref('int_calendar') }}
),

sliced as (
    select
        case when grouping(flow_type) = 0 then 'flow_type' else 'all' end as slice,
        flow_type,
        from_item_code,
        to_item_code,
        working_days,
        calendar_days,
        sum(edge_count) as edge_count,
        case when grouping(flow_type) = 0 then sum(flow_works_count) else sum(works_count) end as works_count,
        sum(repetition_count) as repetition_count,
        sum(application_working_days) as application_working_days,
        sum(intake_working_days) as intake_working_days
    from counted
    group by grouping sets (
        (from_item_code, to_item_code, working_days, calendar_days),
        (flow_type, from_item_code, to_item_code, working_days, calendar_days)
    )
),

running as (
    select
        sliced.*,
        sum(edge_count) filter (where working_days is not null) over edge as measured_count,
        sum(edge_count) filter (where working_days is not null) over (edge order by working_days) as running_working_count,
        sum(edge_count) filter (where calendar_days is not null) over edge as dated_count,
        sum(edge_count) filter (where calendar_days is not null) over (edge order by calendar_days) as running_calendar_count
    from sliced
    window edge as (partition by slice, flow_type, from_item_code, to_item_code)
)

select
    running.slice,
    running.flow_type,
    max(flow_types.name) as flow_type_name,
    running.from_item_code,
    coalesce(max(from_names.item_name), case from_item_code when 'START' then '开始' end) as from_item_name,
    running.to_item_code,
    coalesce(max(to_names.item_name), case to_item_code when 'END' then '结束' when 'OPEN' then '在办' end) as to_item_name,
    sum(edge_count)::integer as edge_count,
    sum(works_count)::integer as works_count,
    sum(repetition_count)::integer as repetition_count,
    coalesce(max(measured_count), 0)::integer as measured_count,
    sum(working_days * edge_count)::integer as total_working_days,
    case when max(measured_count) > 0 then sum(application_working_days)::integer end as application_working_days,
    case when max(measured_count) > 0 then sum(intake_working_days)::integer end as intake_working_days,
    {{ percentile_of_counts(0.5, 'working_days', 'running_working_count', 'measured_count') }} as median_working_days,
    {{ percentile_of_counts(0.9, 'working_days', 'running_working_count', 'measured_count') }} as p90_working_days,
    {{ percentile_of_counts(0.5, 'calendar_days', 'running_calendar_count', 'dated_count') }} as median_calendar_days,
    {{ percentile_of_counts(0.9, 'calendar_days', 'running_calendar_count', 'dated_count') }} as p90_calendar_days,
    {{ as_of() }} as as_of,
    {{ stamps() }}
from running
left join item_names as from_names on from_names.item_code = running.from_item_code
left join item_names as to_names on to_names.item_code = running.to_item_code
left join code_lists as flow_types
    on flow_types.code_list = 'flow_type'
    and flow_types.code = running.flow_type
group by running.slice, running.flow_type, running.from_item_code, running.to_item_code
