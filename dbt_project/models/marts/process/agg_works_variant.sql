with variants as (
    select * from {{ ref('int_works_variants') }}
),

code_lists as (
    select * from {{ ref('code_lists') }}
),

calendar as (
    select * from {{ ref('int_calendar') }}
),

counted as (
    select
        flow_type,
        variant,
        is_complete,
        count(*)::integer as works_count,
        max(case_count) as case_count,
        max(widest_step) as widest_step,
        percentile_cont(0.5) within group (order by span_working_days) as median_span_working_days,
        percentile_cont(0.9) within group (order by span_working_days) as p90_span_working_days
    from variants
    group by flow_type, variant, is_complete
)

select
    counted.flow_type,
    flow_types.name as flow_type_name,
    counted.is_complete,
    (row_number() over (one_flow order by works_count desc, variant))::integer as variant_rank,
    counted.variant,
    counted.case_count,
    counted.widest_step,
    counted.works_count,
    (sum(works_count) over one_flow)::integer as flow_works_count,
    round(works_count / (sum(works_count) over one_flow)::numeric, 6) as share,
    case when works_count >= {{ var('minimum_n') }} then round(median_span_working_days::numeric, 2) end
        as median_span_working_days,
    case when works_count >= {{ var('minimum_n') }} then round(p90_span_working_days::numeric, 2) end
        as p90_span_working_days,
    {{ as_of() }} as as_of,
    {{ stamps() }}
from counted
left join code_lists as flow_types
    on flow_types.code_list = 'flow_type'
    and flow_types.code = counted.flow_type
window one_flow as (partition by counted.flow_type, counted.is_complete)
