with steps as (
    {{ feed_union('item_steps', [
        ['source_department', 'text'], ['item_code', 'text'], ['item_version', 'text'], ['step_number', 'integer'],
        ['step_name', 'text'], ['actor_name', 'text'], ['is_met_by_applicant', 'boolean'],
        ['batch_id', 'bigint'], ['row_number', 'bigint']
    ]) }}
),

items as (
    select * from {{ ref('int_items') }}
),

build as (
    select * from {{ ref('int_build') }}
)

select
    steps.source_department,
    steps.item_code,
    steps.item_version,
    items.item_name,
    items.item_code is not null as is_known_item,
    steps.step_number,
    steps.step_name,
    steps.actor_name,
    steps.is_met_by_applicant,
    steps.batch_id,
    steps.row_number,
    build.as_of,
    build.calendar_version,
    build.rule_version
from steps
cross join build
left join items using (item_code, item_version)
