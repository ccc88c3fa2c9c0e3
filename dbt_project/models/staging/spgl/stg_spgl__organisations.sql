with rows as (
    {{ spgl('spgl_xmdwxxb', ['gcdm', 'xmdm', 'dwtyshxydm', 'dwmc', 'dwlx']) }}
),

typed as (
    select
        source_department,
        gcdm as works_code_raw,
        xmdm as project_code_raw,
        dwtyshxydm as credit_code,
        dwmc as organisation_name,
        {{ to_integer('dwlx') }} as role_code,
        batch_id,
        row_number,
        row_number() over (
            partition by source_department, gcdm, dwtyshxydm, dwlx order by {{ lsh_order() }} desc
        ) as recency
    from rows
)

select * from typed
where recency = 1
