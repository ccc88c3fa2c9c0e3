with rows as (
    {{ spgl('spgl_xmspsxblxxb', [
        'spsxslbm', 'gcdm', 'spsxbm', 'spsxbbh', 'splcbm', 'splcbbh', 'spbmmc', 'slfs', 'blspslbm', 'sxblsx'
    ]) }}
),

typed as (
    select
        source_department,
        spsxslbm as instance_code,
        spsxbm as item_code,
        spsxbbh as item_version,
        null::text as item_name,
        spbmmc as handling_department_name,
        null::text as project_code_raw,
        gcdm as works_code_raw,
        null::text as project_name,
        blspslbm as parallel_group_code,
        slfs as channel_code,
        {{ to_integer('sxblsx') }} as promised_limit,
        'working_days' as limit_unit,
        null::text as certificate_number,
        batch_id,
        row_number,
        splcbm as flow_code,
        splcbbh as flow_version,
        row_number() over (partition by source_department, spsxslbm order by {{ lsh_order() }} desc) as recency
    from rows
    where spsxslbm is not null
)

select * from typed
where recency = 1
