with steps as (
    select * from {{ ref('int_works_steps') }}
),

critical_path as (
    select * from {{ ref('int_critical_path') }}
),

code_lists as (
    select * from {{ ref('code_lists') }}
),

calendar as (
    select * from {{ ref('int_calendar') }}
),

-- one row, kept: read in place, the planner scans the whole calendar for every case
as_of_day as materialized (
    select working_day_number from calendar
    where date_day = {{ as_of() }}
),

kinds (step_kind) as (
    values ('application'), ('intake'), ('handling')
),

-- every step of every 工程, once for each kind of wait; an open case has waited until now
stepwise as (
    select
        steps.*,
        kinds.step_kind,
        case kinds.step_kind
            when 'application' then handed_in_number - ready_number
            when 'intake' then start_number - handed_in_number
            else coalesce(end_number, as_of_day.working_day_number) - start_number
        end as working_days
    from steps
    cross join kinds
    left join as_of_day on true
),

-- every wait, whether anything later hung on it or not
waits as (
    select
        flow_type,
        department_id,
        department_name,
        office_name,
        from_item_code,
        from_item_name,
        item_code,
        item_name,
        step_kind,
        working_days,
        0 as critical_working_days,
        1 as wait_count,
        0 as critical_wait_count,
        (step_kind = 'handling' and end_date is null)::integer as open_count
    from stepwise
    where working_days is not null
    union all
    select
        flow_type,
        department_id,
        department_name,
        office_name,
        from_item_code,
        from_item_name,
        item_code,
        item_name,
        step_kind,
        null as working_days,
        working_days as critical_working_days,
        0 as wait_count,
        1 as critical_wait_count,
        0 as open_count
    from critical_path
),

-- only what names the places below: before the papers are in no department holds them, and afterwards no edge is waited on
named as (
    select
        flow_type,
        case when step_kind != 'application' then department_id end as department_id,
        case when step_kind != 'application' then department_name end as department_name,
        case when step_kind != 'application' then office_name end as office_name,
        case when step_kind = 'application' then from_item_code end as from_item_code,
        case when step_kind = 'application' then from_item_name end as from_item_name,
        item_code,
        item_name,
        step_kind,
        working_days,
        critical_working_days,
        wait_count,
        critical_wait_count,
        open_count
    from waits
),

counted as (
    select
        flow_type,
        department_id,
        department_name,
        office_name,
        from_item_code,
        from_item_name,
        item_code,
        item_name,
        step_kind,
        working_days,
        sum(wait_count) as wait_count,
        sum(open_count) as open_count,
        sum(critical_working_days) as critical_working_days,
        sum(critical_wait_count) as critical_wait_count
    from named
    group by
        flow_type, department_id, department_name, office_name, from_item_code, from_item_name, item_code, item_name,
        step_kind, working_days
),

placed as (
    select
        counted.*,
        place.place_kind,
        place.place_code,
        place.place_name
    from counted
    cross join lateral (
        values
        (
            case step_kind when 'application' then 'edge' when 'intake' then 'intake' else 'item' end,
            case step_kind
                when 'application' then concat(coalesce(from_item_code, 'START'), ' > ', coalesce(item_code, '?'))
                else coalesce(item_code, '?')
            end,
            case step_kind
                when 'application' then concat(coalesce(from_item_name, '开始'), ' → ', item_name)
                else item_name
            end
        ),
        (
            'holder',
            case step_kind when 'application' then 'applicant' else department_id end,
            case step_kind when 'application' then '建设单位' else department_name end
        ),
        (
            'office',
            case when step_kind != 'application' then concat_ws(':', department_id, office_name) end,
            concat_ws(' ', department_name, office_name)
        )
    ) as place (place_kind, place_code, place_name)
    where place.place_code is not null
),

sliced as (
    select
        case when grouping(flow_type) = 0 then 'flow_type' else 'all' end as slice,
        flow_type,
        place_kind,
        place_code,
        max(place_name) as place_name,
        working_days,
        sum(wait_count) as wait_count,
        sum(open_count) as open_count,
        sum(critical_working_days) as critical_working_days,
        sum(critical_wait_count) as critical_wait_count
    from placed
    group by grouping sets (
        (place_kind, place_code, working_days), (flow_type, place_kind, place_code, working_days)
    )
),

running as (
    select
        sliced.*,
        sum(wait_count) over place as measured_count,
        sum(wait_count) over (place order by working_days) as running_count
    from sliced
    window place as (partition by slice, flow_type, place_kind, place_code)
),

measured as (
    select
        slice,
        flow_type,
        place_kind,
        place_code,
        max(place_name) as place_name,
        sum(wait_count)::integer as wait_count,
        sum(open_count)::integer as open_count,
        coalesce(sum(working_days * wait_count), 0)::bigint as total_working_days,
        {{ percentile_of_counts(0.5, 'working_days', 'running_count', 'measured_count') }} as median_working_days,
        {{ percentile_of_counts(0.9, 'working_days', 'running_count', 'measured_count') }} as p90_working_days,
        sum(critical_wait_count)::integer as critical_wait_count,
        sum(critical_working_days)::bigint as critical_working_days
    from running
    group by slice, flow_type, place_kind, place_code
),

-- holders share out every day of every path once, so their sum is the sum of the spans
spans as (
    select
        slice,
        flow_type,
        sum(critical_working_days) as span_working_days
    from measured
    where place_kind = 'holder'
    group by slice, flow_type
)

select
    measured.slice,
    measured.flow_type,
    flow_types.name as flow_type_name,
    measured.place_kind,
    measured.place_code,
    measured.place_name,
    measured.wait_count,
    measured.open_count,
    measured.total_working_days,
    measured.median_working_days,
    measured.p90_working_days,
    measured.critical_wait_count,
    measured.critical_working_days,
    round(measured.critical_working_days / nullif(spans.span_working_days, 0), 6) as share_of_span,
    (rank() over (one_kind order by measured.total_working_days desc))::integer as rank_by_total,
    (rank() over (one_kind order by measured.critical_working_days desc))::integer as rank_by_share,
    {{ as_of() }} as as_of,
    {{ stamps() }}
from measured
left join spans
    on spans.slice = measured.slice
    and spans.flow_type is not distinct from measured.flow_type
left join code_lists as flow_types
    on flow_types.code_list = 'flow_type'
    and flow_types.code = measured.flow_type
window one_kind as (partition by measured.slice, measured.flow_type, measured.place_kind)
