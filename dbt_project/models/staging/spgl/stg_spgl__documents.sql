with rows as (
    {{ spgl('spgl_xmspsxpfwjxxb', ['spsxslbm', 'pfrq', 'pfwh', 'pfwjbt', 'pfwjyxqx']) }}
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
        batch_id,
        row_number
    from rows
)

select * from typed
