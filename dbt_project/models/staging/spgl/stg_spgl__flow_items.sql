with rows as (
    {{ spgl('spgl_dfxmsplcjdsxxxb', [
        'splcbm', 'splcbbh', 'spjdxh', 'spsxbm', 'spsxbbh', 'spsxmc', 'spsxblsx', 'spbmmc', 'bjlx', 'qzspsxbm', 'sflcbsx', 'sfsxgzcnz'
    ]) }}
),

typed as (
    select
        source_department,
        splcbm as flow_code,
        splcbbh as flow_version,
        spjdxh as local_stage_number,
        spsxbm as item_code,
        spsxbbh as item_version,
        spsxmc as item_name,
        {{ to_integer('spsxblsx') }} as promised_limit,
        spbmmc as department_name,
        qzspsxbm as prerequisite_item_codes,
        {{ to_boolean('sflcbsx') }} as is_milestone,
        {{ to_boolean('sfsxgzcnz') }} as allows_commitment,
        batch_id,
        row_number,
        row_number() over (
            partition by source_department, splcbm, splcbbh, spjdxh, spsxbm, spsxbbh order by {{ lsh_order() }} desc
        ) as recency
    from rows
)

select * from typed
where recency = 1
