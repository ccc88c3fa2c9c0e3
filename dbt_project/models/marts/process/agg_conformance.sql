with conformance as (
    select * from {{ ref('int_conformance') }}
),

works as (
    select * from {{ ref('int_works_lifecycles') }}
),

code_lists as (
    select * from {{ ref('code_lists') }}
),

calendar as (
    select * from {{ ref('int_calendar') }}
),

-- a flow allows what may run in parallel, it does not demand it: that rule stays out of the sum of the obligations
judged as (
    select
        conformance.*,
        works.flow_type_code as flow_type,
        conformance.rule as judged_by
    from conformance
    inner join works using (works_code)
    union all
    select
        conformance.*,
        works.flow_type_code,
        'all_obligations'
    from conformance
    inner join works using (works_code)
    where conformance.rule != 'serial_though_parallel'
),

aggregated as (
    select
        case when grouping(flow_type) = 0 then 'flow_type' else 'all' end as slice,
        flow_type,
        judged_by as rule,
        count(distinct works_code)::integer as works_count,
        (count(distinct works_code) filter (where deviation_count > 0))::integer as deviating_works_count,
        sum(check_count)::integer as check_count,
        sum(deviation_count)::integer as deviation_count,
        sum(exempted_count)::integer as exempted_count
    from judged
    group by grouping sets ((judged_by), (flow_type, judged_by))
)

select
    aggregated.slice,
    aggregated.flow_type,
    flow_types.name as flow_type_name,
    aggregated.rule,
    aggregated.works_count,
    aggregated.deviating_works_count,
    aggregated.check_count,
    aggregated.deviation_count,
    aggregated.exempted_count,
    case when check_count >= {{ var('minimum_n') }} then round(1 - deviation_count / check_count::numeric, 6) end as fitness,
    case when works_count >= {{ var('minimum_n') }} then round(1 - deviating_works_count / works_count::numeric, 6) end
        as conforming_share,
    {{ as_of() }} as as_of,
    {{ stamps() }}
from aggregated
left join code_lists as flow_types
    on flow_types.code_list = 'flow_type'
    and flow_types.code = aggregated.flow_type
