with rows as (
    {{ spgl('spgl_xmjbxxb', [
        'gcdm', 'xmdm', 'xmmc', 'qjdgcdm', 'splclx', 'xmtzly', 'ztze', 'jsddxzqh', 'jsdd', 'sbsj', 'nkgsj', 'njcsj', 'splcbm', 'splcbbh', 'jzmj', 'sfwcqypg', 'gbhy', 'ydmj'
    ]) }}
),

typed as (
    select
        source_department,
        gcdm as works_code_raw,
        xmdm as project_code_raw,
        xmmc as works_name,
        qjdgcdm as predecessor_works_codes,
        splclx as flow_type_code,
        jsddxzqh as region_code,
        {{ to_timestamp('sbsj') }} as reported_at,
        batch_id,
        row_number,
        xmtzly as investment_source_code,
        {{ to_numeric('ztze') }} as total_investment_wan,
        jsdd as site,
        {{ to_date('nkgsj') }} as planned_start_date,
        {{ to_date('njcsj') }} as planned_completion_date,
        splcbm as flow_code,
        splcbbh as flow_version,
        {{ to_numeric('jzmj') }} as floor_area_square_metres,
        {{ to_boolean('sfwcqypg') }} as is_region_assessed,
        gbhy as industry_code,
        sbsj as reported_at_raw,
        nkgsj as planned_start_raw,
        njcsj as planned_completion_raw,
        {{ to_numeric('ydmj') }} as land_area_square_metres,
        -- an application of its own sometimes repeats the works: the last row of the works stands
        row_number() over (partition by source_department, gcdm order by {{ lsh_order() }} desc) as recency
    from rows
)

select * from typed
where recency = 1
