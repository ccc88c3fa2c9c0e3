with rows as (
    {{ spgl('spgl_xmspsxblxxxxb', ['spsxslbm', 'blzt', 'blsj', 'blcs', 'blr', 'blyj', 'scsj']) }}
),

status_codes as (
    select * from {{ ref('status_codes') }}
),

typed as (
    select
        rows.source_department,
        rows.spsxslbm as instance_code,
        status_codes.event_kind,
        {{ to_timestamp('rows.blsj') }} as event_at,
        row_number() over (partition by rows.source_department, rows.spsxslbm order by {{ lsh_order() }}) as source_order,
        {{ to_timestamp('rows.scsj') }} as recorded_at,
        null::text as reason_code,
        null::text as responsible_party,
        rows.blcs as office_name,
        rows.batch_id,
        rows.row_number,
        rows.blzt as status_code,
        rows.blsj as event_at_raw,
        -- a resent event has a new LSH but the same case, status and time (DFSJZJ is no row key)
        row_number() over (
            partition by rows.source_department, rows.spsxslbm, rows.blzt, rows.blsj order by {{ lsh_order() }}
        ) as repetition
    from rows
    left join status_codes on status_codes.status_code = {{ to_integer('rows.blzt') }}
)

select * from typed
where repetition = 1
