{{ config(
    materialized='incremental',
    incremental_strategy='add_counts',
    meta={'counts': ['edge_count', 'case_count', 'repetition_count']}
) }}

with paths as (
    {{ signed_rows('int_case_paths', 'case_id') }}
),

instances as (
    {{ signed_rows('int_item_instances', 'case_id') }}
),

calendar as (
    select * from {{ ref('int_calendar') }}
),

-- an open case is still waiting in its last step: to OPEN it counts the days up to now, and counted them up to the last
-- build's day; kept: read in place, the planner scans the whole calendar for every case
open_days as materialized (
    select
        days.sign,
        calendar.date_day,
        calendar.working_day_number
    from (values (1, {{ as_of() }}), (-1, {{ previous_as_of() }})) as days (sign, date_day)
    inner join calendar using (date_day)
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
        row_number() over (partition by ways.way, edge.from_kind, edge.to_kind order by edge.place) = 1 as is_first_in_case
    from ways
    cross join lateral unnest(from_kinds, to_kinds) with ordinality as edge (from_kind, to_kind, place)
),

timed as (
    select
        paths.sign,
        instances.department_id,
        instances.item_code,
        ways.way,
        paths.event_dates,
        paths.working_day_numbers
    from paths
    inner join instances using (case_id, sign)
    inner join ways
        on ways.event_kinds = paths.event_kinds
        and ways.has_end = paths.has_end
),

measured as (
    select
        timed.sign,
        timed.department_id,
        timed.item_code,
        way_edges.from_kind,
        way_edges.to_kind,
        coalesce(open_days.working_day_number, working_day_numbers[place]) - working_day_numbers[place - 1] as working_days,
        coalesce(open_days.date_day, event_dates[place]) - event_dates[place - 1] as calendar_days,
        is_first_in_case,
        is_repetition
    from timed
    inner join way_edges using (way)
    left join open_days
        on way_edges.to_kind = 'OPEN'
        and open_days.sign = timed.sign
)

select
    department_id,
    item_code,
    from_kind,
    to_kind,
    working_days,
    calendar_days,
    sum(sign) as edge_count,
    coalesce(sum(sign) filter (where is_first_in_case), 0) as case_count,
    coalesce(sum(sign) filter (where is_repetition), 0) as repetition_count
from measured
group by department_id, item_code, from_kind, to_kind, working_days, calendar_days
