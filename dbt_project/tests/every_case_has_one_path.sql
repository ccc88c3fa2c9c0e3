-- Each case with a step is counted in exactly one variant, and leaves START once.
with paths as (
    select * from {{ ref('int_case_paths') }}
),

variants as (
    select * from {{ ref('agg_case_variant') }}
),

edges as (
    select * from {{ ref('agg_case_directly_follows') }}
),

counts as (
    select
        (select count(*) from paths) as path_count,
        (select sum(case_count) from variants) as variant_case_count,
        (select sum(edge_count) from edges where from_kind = 'START' and slice = 'item') as started_count,
        (select sum(edge_count) from edges where to_kind in ('END', 'OPEN') and slice = 'all') as ended_count
)

select * from counts
where path_count != coalesce(variant_case_count, 0)
    or path_count != coalesce(started_count, 0)
    or path_count != coalesce(ended_count, 0)
