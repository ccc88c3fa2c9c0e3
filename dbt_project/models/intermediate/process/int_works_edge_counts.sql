{{ config(
    materialized='incremental',
    incremental_strategy='add_counts',
    meta={'counts': [
        'edge_count', 'works_count', 'flow_works_count', 'repetition_count', 'application_working_days', 'intake_working_days'
    ]}
) }}

with steps as (
    {{ signed_rows('int_works_steps', 'project_code', among='int_stirred_projects') }}
),

arrivals as (
    select
        sign,
        flow_type,
        works_code,
        case when predecessor_number is null then 'START' else coalesce(from_item_code, '?') end as from_item_code,
        coalesce(item_code, '?') as to_item_code,
        row_number() over (partition by sign, works_code, item_code order by step_number) > 1 as is_repetition,
        start_number - ready_number as working_days,
        start_date - ready_date as calendar_days,
        case when ready_date is not null then handed_in_number - ready_number end as application_working_days,
        case when ready_date is not null then start_number - handed_in_number end as intake_working_days
    from steps
),

-- what nothing waited for: the end of a branch, or a case that is still with its department
last_steps as (
    select
        steps.sign,
        steps.flow_type,
        steps.works_code,
        coalesce(steps.item_code, '?') as from_item_code,
        case when steps.end_date is null then 'OPEN' else 'END' end as to_item_code
    from steps
    where not exists (
        select 1
        from steps as successors
        where successors.sign = steps.sign
            and successors.works_code = steps.works_code
            and successors.predecessor_number = steps.step_number
    )
),

edges as (
    select * from arrivals
    union all
    select sign, flow_type, works_code, from_item_code, to_item_code, false, null, null, null, null
    from last_steps
),

-- A 工程 counts once for an edge, and once for an edge within a flow type, however often it went that way; always with the
-- same row, or what is taken off would not be what was counted.
numbered as (
    select
        edges.*,
        row_number() over (one_works order by flow_type, working_days, calendar_days) as number_in_works,
        row_number() over (one_flow order by working_days, calendar_days) as number_in_flow
    from edges
    window
        one_works as (partition by sign, from_item_code, to_item_code, works_code),
        one_flow as (partition by sign, from_item_code, to_item_code, works_code, flow_type)
)

select
    flow_type,
    from_item_code,
    to_item_code,
    working_days,
    calendar_days,
    sum(sign) as edge_count,
    coalesce(sum(sign) filter (where number_in_works = 1), 0) as works_count,
    coalesce(sum(sign) filter (where number_in_flow = 1), 0) as flow_works_count,
    coalesce(sum(sign) filter (where is_repetition), 0) as repetition_count,
    coalesce(sum(sign * application_working_days), 0) as application_working_days,
    coalesce(sum(sign * intake_working_days), 0) as intake_working_days
from numbered
group by flow_type, from_item_code, to_item_code, working_days, calendar_days
