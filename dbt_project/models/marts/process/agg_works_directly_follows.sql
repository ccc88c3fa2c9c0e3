with steps as (
    select * from {{ ref('int_works_steps') }}
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

arrivals as (
    select
        flow_type,
        works_code,
        case when predecessor_number is null then 'START' else coalesce(from_item_code, '?') end as from_item_code,
        coalesce(item_code, '?') as to_item_code,
        row_number() over (partition by works_code, item_code order by step_number) > 1 as is_repetition,
        start_number - ready_number as working_days,
        start_date - ready_date as calendar_days,
        case when ready_date is not null then handed_in_number - ready_number end as application_working_days,
        case when ready_date is not null then start_number - handed_in_number end as intake_working_days
    from steps
),

-- what nothing waited for: the end of a branch, or a case that is still with its department
last_steps as (
    select
        steps.flow_type,
        steps.works_code,
        coalesce(steps.item_code, '?') as from_item_code,
        case when steps.end_date is null then 'OPEN' else 'END' end as to_item_code
    from steps
    where not exists (
        select 1
        from steps as successors
        where successors.works_code = steps.works_code
            and successors.predecessor_number = steps.step_number
    )
),

edges as (
    select * from arrivals
    union all
    select flow_type, works_code, from_item_code, to_item_code, false, null, null, null, null
    from last_steps
),

aggregated as (
    select
        case when grouping(flow_type) = 0 then 'flow_type' else 'all' end as slice,
        flow_type,
        from_item_code,
        to_item_code,
        count(*)::integer as edge_count,
        count(distinct works_code)::integer as works_count,
        (count(*) filter (where is_repetition))::integer as repetition_count,
        count(working_days)::integer as measured_count,
        sum(working_days)::integer as total_working_days,
        sum(application_working_days)::integer as application_working_days,
        sum(intake_working_days)::integer as intake_working_days,
        percentile_cont(array[0.5, 0.9]) within group (order by working_days) as working_day_percentiles,
        percentile_cont(array[0.5, 0.9]) within group (order by calendar_days) as calendar_day_percentiles
    from edges
    group by grouping sets ((from_item_code, to_item_code), (flow_type, from_item_code, to_item_code))
)

select
    aggregated.slice,
    aggregated.flow_type,
    flow_types.name as flow_type_name,
    aggregated.from_item_code,
    coalesce(from_names.item_name, case from_item_code when 'START' then '开始' end) as from_item_name,
    aggregated.to_item_code,
    coalesce(to_names.item_name, case to_item_code when 'END' then '结束' when 'OPEN' then '在办' end) as to_item_name,
    aggregated.edge_count,
    aggregated.works_count,
    aggregated.repetition_count,
    aggregated.measured_count,
    aggregated.total_working_days,
    aggregated.application_working_days,
    aggregated.intake_working_days,
    case when measured_count >= {{ var('minimum_n') }} then round(working_day_percentiles[1]::numeric, 2) end as median_working_days,
    case when measured_count >= {{ var('minimum_n') }} then round(working_day_percentiles[2]::numeric, 2) end as p90_working_days,
    case when measured_count >= {{ var('minimum_n') }} then round(calendar_day_percentiles[1]::numeric, 2) end as median_calendar_days,
    case when measured_count >= {{ var('minimum_n') }} then round(calendar_day_percentiles[2]::numeric, 2) end as p90_calendar_days,
    {{ as_of() }} as as_of,
    {{ stamps() }}
from aggregated
left join item_names as from_names on from_names.item_code = aggregated.from_item_code
left join item_names as to_names on to_names.item_code = aggregated.to_item_code
left join code_lists as flow_types
    on flow_types.code_list = 'flow_type'
    and flow_types.code = aggregated.flow_type
