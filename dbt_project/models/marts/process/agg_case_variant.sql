with counted as (
    select * from {{ ref('int_case_variant_counts') }}
),

calendar as (
    select * from {{ ref('int_calendar') }}
),

departments as (
    select * from {{ ref('int_departments') }}
),

item_names as (
    select * from {{ ref('int_current_items') }}
),

event_kinds as (
    select * from {{ ref('int_event_kinds') }}
),

running as (
    select
        counted.*,
        sum(case_count) filter (where elapsed_working_days is not null) over variant as decided_count,
        sum(case_count) filter (where elapsed_working_days is not null) over (variant order by elapsed_working_days)
            as running_count
    from counted
    window variant as (partition by department_id, item_code, event_kinds, is_open)
),

variants as (
    select
        department_id,
        item_code,
        event_kinds,
        is_open,
        sum(case_count)::integer as case_count,
        coalesce(max(decided_count), 0)::integer as decided_count,
        {{ percentile_of_counts(0.5, 'elapsed_working_days', 'running_count', 'decided_count') }}
            as median_elapsed_working_days,
        {{ percentile_of_counts(0.9, 'elapsed_working_days', 'running_count', 'decided_count') }}
            as p90_elapsed_working_days,
        sum(restated_event_count)::integer as restated_event_count,
        sum(after_end_event_count)::integer as after_end_event_count
    from running
    group by department_id, item_code, event_kinds, is_open
),

named as (
    select
        variants.event_kinds,
        string_agg(coalesce(names.status_name, event_kind), ' → ' order by step.place) as variant_name
    from (select distinct event_kinds from variants) as variants
    cross join lateral unnest(event_kinds) with ordinality as step (event_kind, place)
    left join event_kinds as names using (event_kind)
    group by variants.event_kinds
)

select
    variants.department_id,
    departments.department_name,
    variants.item_code,
    item_names.item_name,
    (row_number() over (one_item order by variants.case_count desc, variants.event_kinds, variants.is_open))::integer
        as variant_rank,
    array_to_string(variants.event_kinds, ' > ') as variant,
    named.variant_name,
    variants.is_open,
    cardinality(variants.event_kinds) as step_count,
    cardinality(variants.event_kinds)
    - (select count(distinct kind) from unnest(variants.event_kinds) as kind)::integer as repeated_step_count,
    variants.case_count,
    (sum(variants.case_count) over one_item)::integer as item_case_count,
    round(variants.case_count / (sum(variants.case_count) over one_item)::numeric, 6) as share,
    variants.decided_count,
    variants.median_elapsed_working_days,
    variants.p90_elapsed_working_days,
    variants.restated_event_count,
    variants.after_end_event_count,
    {{ as_of() }} as as_of,
    {{ stamps() }}
from variants
inner join named using (event_kinds)
left join departments using (department_id)
left join item_names using (item_code)
window one_item as (partition by variants.department_id, variants.item_code)
