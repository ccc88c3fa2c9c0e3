with items as (
    select * from {{ ref('dim_item') }}
),

mergers as (
    select * from {{ ref('item_mergers') }}
),

periods as (
    select * from {{ ref('int_comparison_periods') }}
),

materials as (
    select * from {{ ref('dim_item_material') }}
),

build as (
    select * from {{ ref('int_build') }}
),

days as (
    select
        periods.label as comparison,
        (periods.base_to + interval '1 month')::date - 1 as base_day,
        least((periods.now_to + interval '1 month')::date - 1, build.as_of) as now_day
    from periods
    cross join build
),

-- what the list of a version's materials asked for on either day
papers as (
    select
        days.comparison,
        materials.item_code,
        materials.item_version,
        {%- for side, day in {'before': 'base_day', 'now': 'now_day'}.items() %}
        sum(materials.document_count) filter (where coalesce(materials.cancelled_on > days.{{ day }}, true)) as document_count_{{ side }},
        sum(materials.page_count) filter (where coalesce(materials.cancelled_on > days.{{ day }}, true)) as page_count_{{ side }}{{ ',' if not loop.last }}
        {%- endfor %}
    from materials
    cross join days
    group by days.comparison, materials.item_code, materials.item_version
),

-- an item that went into another one is counted under that one, on both days
in_force as (
    select
        days.comparison,
        days.base_day,
        days.now_day,
        coalesce(mergers.item_code, items.item_code) as item_code,
        items.item_name,
        items.department_name,
        items.stage_name,
        mergers.item_code is not null as is_merged,
        items.effective_from <= days.base_day and items.effective_to >= days.base_day as is_before,
        items.effective_from <= days.now_day and items.effective_to >= days.now_day as is_now,
        items.step_count,
        items.applicant_step_count,
        items.material_count,
        papers.document_count_before,
        papers.document_count_now,
        papers.page_count_before,
        papers.page_count_now,
        items.visit_count,
        items.fee_yuan,
        case when items.statutory_unit = 'working_days' then items.statutory_limit end as statutory_days,
        case when items.promised_unit = 'working_days' then items.promised_limit end as promised_days
    from items
    cross join days
    left join mergers
        on mergers.old_item_code = items.item_code
        and mergers.merged_on <= days.now_day
    left join papers
        on papers.comparison = days.comparison
        and papers.item_code = items.item_code
        and papers.item_version = items.item_version
),

summed as (
    select
        comparison,
        item_code,
        min(base_day) as base_day,
        min(now_day) as now_day,
        coalesce(min(item_name) filter (where not is_merged), min(item_name)) as item_name,
        coalesce(min(department_name) filter (where not is_merged), min(department_name)) as department_name,
        coalesce(min(stage_name) filter (where not is_merged), min(stage_name)) as stage_name,
        {%- for side in ['before', 'now'] %}
        (count(*) filter (where is_{{ side }}))::integer as item_count_{{ side }},
        (sum(step_count) filter (where is_{{ side }}))::integer as step_count_{{ side }},
        (sum(applicant_step_count) filter (where is_{{ side }}))::integer as applicant_step_count_{{ side }},
        (sum(material_count) filter (where is_{{ side }}))::integer as material_count_{{ side }},
        (sum(document_count_{{ side }}) filter (where is_{{ side }}))::integer as document_count_{{ side }},
        (sum(page_count_{{ side }}) filter (where is_{{ side }}))::integer as page_count_{{ side }},
        (sum(visit_count) filter (where is_{{ side }}))::integer as visit_count_{{ side }},
        sum(fee_yuan) filter (where is_{{ side }}) as fee_yuan_{{ side }},
        (sum(statutory_days) filter (where is_{{ side }}))::integer as statutory_days_{{ side }},
        (sum(promised_days) filter (where is_{{ side }}))::integer as promised_days_{{ side }}{{ ',' if not loop.last }}
        {%- endfor %}
    from in_force
    where is_before or is_now
    group by comparison, item_code
)

select
    summed.comparison,
    summed.base_day,
    summed.now_day,
    summed.item_code,
    summed.item_name,
    summed.department_name,
    summed.stage_name,
    case
        when summed.item_count_before = 0 then 'new'
        when summed.item_count_now = 0 then 'ended'
        when summed.item_count_before > summed.item_count_now then 'merged'
        when
            (step_count_before, material_count_before, visit_count_before, fee_yuan_before, statutory_days_before, promised_days_before)
            is distinct from (step_count_now, material_count_now, visit_count_now, fee_yuan_now, statutory_days_now, promised_days_now)
            or (applicant_step_count_before, document_count_before, page_count_before)
            is distinct from (applicant_step_count_now, document_count_now, page_count_now)
            then 'changed'
        else 'same'
    end as change,
    {%- for side in ['before', 'now'] %}
    summed.item_count_{{ side }},
    summed.step_count_{{ side }},
    summed.applicant_step_count_{{ side }},
    summed.material_count_{{ side }},
    summed.document_count_{{ side }},
    summed.page_count_{{ side }},
    summed.visit_count_{{ side }},
    summed.fee_yuan_{{ side }},
    summed.statutory_days_{{ side }},
    summed.promised_days_{{ side }},
    {%- endfor %}
    build.as_of,
    build.rule_version
from summed
cross join build
