with rows as (
    {{ spgl('spgl_xmspsxbltbcxxxb', ['spsxslbm', 'tbcx', 'tbcxmc', 'tbcxkssj', 'tbcxsxlx', 'tbcxsx']) }}
),

typed as (
    select
        source_department,
        spsxslbm as instance_code,
        -- the standard has no code for an extended limit (行政许可法 art. 42): senders write 8 其他 and say so by name
        case
            when tbcx = '8' and tbcxmc ~ '延长.*(期限|时限|时间|审批|办理)|延期(审批|办理|办结)|(审批|办理|办结)延期' then '9'
            else tbcx
        end as procedure_code,
        tbcxmc as procedure_name,
        {{ to_timestamp('tbcxkssj') }} as started_at,
        -- 0 stands for "not known"
        nullif({{ to_integer('tbcxsx') }}, 0) as allowed_days,
        case tbcxsxlx when '1' then 'working_days' when '2' then 'calendar_days' end as allowed_unit,
        batch_id,
        row_number,
        row_number() over (
            partition by source_department, spsxslbm, tbcx, tbcxkssj order by {{ lsh_order() }} desc
        ) as recency
    from rows
)

select * from typed
where recency = 1
