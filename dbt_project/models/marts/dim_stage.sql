with stages as (
    select * from {{ ref('int_flow_stages') }}
),

items as (
    select * from {{ ref('int_flow_items') }}
),

contents as (
    select
        flow_stage_id,
        count(distinct item_code)::integer as item_count,
        string_agg(distinct item_code, ',') filter (where is_milestone) as milestone_item_codes
    from items
    group by flow_stage_id
)

select
    stages.flow_code,
    stages.flow_version,
    stages.local_stage_number,
    stages.local_stage_name,
    stages.stage_number,
    stages.stage_numbers,
    stages.stage_limit,
    stages.milestone_rule,
    contents.milestone_item_codes,
    coalesce(contents.item_count, 0) as item_count
from stages
left join contents using (flow_stage_id)
