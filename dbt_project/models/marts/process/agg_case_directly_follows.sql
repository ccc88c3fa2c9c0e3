{#- Days are counted by value first and percentiles read off the counts: one pass over the cases, no sort of their steps. -#}

with paths as (
    select * from {{ ref('int_case_paths') }}
),

instances as (
    select * from {{ ref('int_item_instances') }}
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

-- one row, kept: read in place, the planner scans the whole calendar for every case
as_of_day as materialized (
    select
        date_day,
        working_day_number
    from calendar
    where date_day = {{ as_of() }}
),

-- cases go few ways: which edges a way has, and which of them it takes again, is worked out once for all its cases
ways as (
    select
        event_kinds,
        has_end,
        array_prepend('START', event_kinds) as from_kinds,
        array_append(event_kinds, case when has_end then 'END' else 'OPEN' end) as to_kinds,
        (row_number() over ())::integer as way
    from paths
    group by event_kinds, has_end
),

way_edges as (
    select
        ways.way,
        edge.place::integer as place,
        edge.from_kind,
        edge.to_kind,
        coalesce(array_position(from_kinds, edge.to_kind) <= edge.place, false) as is_repetition,
        row_number() over (partition by ways.way, edge.from_kind, edge.to_kind order by edge.place) = 1 as is_first_in_case,
        as_of_day.date_day as open_date,
        as_of_day.working_day_number as open_number
    from ways
    cross join lateral unnest(from_kinds, to_kinds) with ordinality as edge (from_kind, to_kind, place)
    left join as_of_day on edge.to_kind = 'OPEN'
),

timed as (
    select
        instances.department_id,
        instances.item_code,
        ways.way,
        paths.event_dates,
        paths.working_day_numbers
    from paths
    inner join instances using (case_id)
    inner join ways
        on ways.event_kinds = paths.event_kinds
        and ways.has_end = paths.has_end
),

-- an open case is still waiting in its last step: to OPEN it counts the days up to now
counted as (
    select
        timed.department_id,
        timed.item_code,
        way_edges.from_kind,
        way_edges.to_kind,
        case when way_edges.to_kind = 'OPEN' then open_number else working_day_numbers[place] end
        - working_day_numbers[place - 1] as working_days,
        case when way_edges.to_kind = 'OPEN' then open_date else event_dates[place] end
        - event_dates[place - 1] as calendar_days,
        count(*) as edge_count,
        count(*) filter (where is_first_in_case) as case_count,
        count(*) filter (where is_repetition) as repetition_count
    from timed
    inner join way_edges using (way)
    group by timed.department_id, timed.item_code, way_edges.from_kind, way_edges.to_kind, working_days, calendar_days
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
