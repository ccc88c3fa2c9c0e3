with rows as (
    {{ spgl('spgl_xmspsxpfwjxxb', ['spsxslbm', 'gcdm', 'pfrq', 'pfwh', 'pfwjbt', 'pfwjyxqx']) }}
),

typed as (
    select
        source_department,
        spsxslbm as instance_code,
        {{ to_date('pfrq') }} as document_date,
        pfwh as document_number,
        pfwjbt as document_title,
        -- the standard writes 9999-01-01 for "does not expire"
        nullif({{ to_date('pfwjyxqx') }}, date '9999-01-01') as expires_on,
        -- the table names neither the item nor the project: the case does, or else the title and the works
        null::text as item_code,
        null::text as item_name,
        null::text as project_code_raw,
        gcdm as works_code_raw,
        batch_id,
        row_number
    from rows
)

select * from typed
