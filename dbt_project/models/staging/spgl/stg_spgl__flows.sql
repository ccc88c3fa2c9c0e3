with rows as (
    {{ spgl('spgl_dfxmsplcxxb', ['splcbm', 'splcbbh', 'splcmc', 'splcsxsj', 'splclx']) }}
),

typed as (
    select
        source_department,
        splcbm as flow_code,
        splcbbh as flow_version,
        splcmc as flow_name,
        splclx as flow_type_code,
        {{ to_date('splcsxsj') }} as valid_from,
        batch_id,
        row_number,
        row_number() over (partition by source_department, splcbm, splcbbh order by {{ lsh_order() }} desc) as recency
    from rows
)

select * from typed
where recency = 1
