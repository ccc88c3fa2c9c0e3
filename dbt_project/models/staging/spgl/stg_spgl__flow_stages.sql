with rows as (
    {{ spgl('spgl_dfxmsplcjdxxb', ['splcbm', 'splcbbh', 'spjdxh', 'spjdmc', 'dybzspjdxh', 'spjdsx', 'lcbsxlx']) }}
),

typed as (
    select
        source_department,
        splcbm as flow_code,
        splcbbh as flow_version,
        spjdxh as local_stage_number,
        spjdmc as local_stage_name,
        -- a local stage may stand for several national ones ("1,2"): its items count in the first
        {{ to_integer("split_part(dybzspjdxh, ',', 1)") }} as stage_number,
        dybzspjdxh as stage_numbers,
        {{ to_integer('spjdsx') }} as stage_limit,
        {{ to_integer('lcbsxlx') }} as milestone_rule,
        batch_id,
        row_number,
        row_number() over (
            partition by source_department, splcbm, splcbbh, spjdxh order by {{ lsh_order() }} desc
        ) as recency
    from rows
)

select * from typed
where recency = 1
