{{ config(indexes=[{'columns': ['item_code']}]) }}

{#-
  Which item must be granted before which, by flow type and day: as the flow version in force says; where no flow of the
  type lists the item, as the catalogue says. flow_type_code is '' for projects without one.
-#}

with flows as (
    select * from {{ ref('int_flows') }}
),

flow_items as (
    select * from {{ ref('stg_spgl__flow_items') }}
),

items as (
    select * from {{ ref('int_items') }}
),

code_lists as (
    select * from {{ ref('code_lists') }}
),

flow_types as (
    select code as flow_type_code from code_lists
    where code_list = 'flow_type'
    union all
    select ''
),

listed as (
    select distinct
        flows.flow_code,
        flows.flow_version,
        flows.flow_type_code,
        flows.effective_from as valid_from,
        flows.effective_to as valid_to,
        flow_items.item_code,
        flow_items.prerequisite_item_codes
    from flows
    inner join flow_items using (flow_code, flow_version)
    where flows.flow_type_code is not null
        and flow_items.item_code is not null
        and flows.effective_from <= flows.effective_to
),

-- several flows of one type may say the same of one day: it holds once
of_flows as (
    select
        listed.flow_type_code,
        listed.item_code,
        predecessors.item_code as prerequisite_item_code,
        unnest(range_agg(daterange(listed.valid_from, listed.valid_to, '[]'))) as valid_days
    from listed
    cross join lateral regexp_split_to_table(listed.prerequisite_item_codes, '[,，;；、\s]+') as code
    -- only what the same flow asks for can be waited for
    inner join listed as predecessors
        on predecessors.flow_code = listed.flow_code
        and predecessors.flow_version = listed.flow_version
        and predecessors.item_code = {{ clean_text('code') }}
    group by listed.flow_type_code, listed.item_code, predecessors.item_code
),

of_catalogue as (
    select
        flow_types.flow_type_code,
        items.item_code,
        {{ clean_text('code') }} as prerequisite_item_code,
        items.effective_from as valid_from,
        items.effective_to as valid_to,
        'catalogue' as basis
    from items
    cross join flow_types
    cross join lateral regexp_split_to_table(items.prerequisite_item_codes, '[,，;；、\s]+') as code
    where {{ clean_text('code') }} is not null
        and not exists (
            select 1
            from listed
            where listed.flow_type_code = flow_types.flow_type_code and listed.item_code = items.item_code
        )
)

select
    flow_type_code,
    item_code,
    prerequisite_item_code,
    lower(valid_days) as valid_from,
    upper(valid_days) - 1 as valid_to,
    'flow' as basis
from of_flows
union all
select distinct * from of_catalogue
