with rows as (
    {{ spgl('spgl_xmspsxbltbcxxxb', ['spsxslbm', 'tbcx', 'tbcxmc', 'tbcxkssj', 'tbcxsxlx', 'tbcxsx']) }}
),

typed as (
    select
        source_department,
        spsxslbm as instance_code,
        tbcx as procedure_code,
        tbcxmc as procedure_name,
        {{ to_timestamp('tbcxkssj') }} as started_at,
        {{ to_integer('tbcxsx') }} as allowed_days,
        batch_id,
        row_number,
        row_number() over (
            partition by source_department, spsxslbm, tbcx, tbcxkssj order by {{ lsh_order() }} desc
        ) as recency
    from rows
)

select * from typed
where recency = 1
