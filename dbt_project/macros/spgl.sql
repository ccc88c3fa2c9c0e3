{#-
  Models of the national standard whose rows belong to cases, as macros: staging shows them whole; a build of what
  changed reads the rows of the changed cases alone (only_changed_cases), because no view could be told so.
-#}

{% macro spgl_case_events(only_changed_cases=false) -%}
with rows as (
    {{ spgl('spgl_xmspsxblxxxxb', ['spsxslbm', 'blzt', 'blsj', 'blcs', 'blr', 'blyj', 'scsj'], only_changed_cases) }}
),

status_codes as (
    select * from {{ ref('status_codes') }}
),

special_procedures as (
    {{ spgl_special_procedures(only_changed_cases) }}
),

documents as (
    {{ spgl_documents(only_changed_cases) }}
),

typed as (
    select
        rows.source_department,
        rows.spsxslbm as instance_code,
        status_codes.event_kind,
        {{ to_timestamp('rows.blsj') }} as event_at,
        row_number() over (partition by rows.source_department, rows.spsxslbm order by {{ lsh_order() }}) as source_order,
        {{ to_timestamp('rows.scsj') }} as recorded_at,
        null::integer as extension_days,
        null::text as extension_unit,
        rows.blcs as office_name,
        rows.blyj as opinion,
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
),

-- an extended limit is an event, though it arrives among the special procedures: it comes before what else that moment brings
extensions as (
    select
        source_department,
        instance_code,
        'extended' as event_kind,
        started_at as event_at,
        0 as source_order,
        null::timestamp as recorded_at,
        allowed_days as extension_days,
        allowed_unit as extension_unit,
        null as office_name,
        null as opinion,
        batch_id,
        row_number,
        null as status_code,
        null as event_at_raw,
        1 as repetition
    from special_procedures
    where procedure_code = '9'
),

events as (
    select * from typed
    where repetition = 1
    union all
    select * from extensions
),

-- the status log does not say what its special procedure is: the procedure that begins on the same day does
procedures as (
    select distinct on (source_department, instance_code, started_at::date, procedure_code = '9')
        source_department,
        instance_code,
        started_at,
        started_at::date as started_date,
        procedure_code,
        procedure_name,
        procedure_code is not distinct from '9' as is_extension
    from special_procedures
    order by source_department, instance_code, started_at::date, procedure_code = '9', started_at, batch_id, row_number
),

extension_documents as (
    select
        source_department,
        instance_code,
        document_date,
        max(document_number) as document_number
    from documents
    where document_title ~ '延长|延期'
    group by source_department, instance_code, document_date
)

select
    events.source_department,
    events.instance_code,
    events.event_kind,
    events.event_at,
    events.source_order,
    events.recorded_at,
    coalesce(procedures.procedure_code, written_as_pause.procedure_code) as reason_code,
    coalesce(procedures.procedure_name, written_as_pause.procedure_name) as procedure_name,
    null::text as responsible_party,
    events.extension_days,
    events.extension_unit,
    extension_documents.document_number,
    events.office_name,
    events.opinion,
    events.batch_id,
    events.row_number,
    events.status_code,
    events.event_at_raw,
    events.repetition
from events
left join procedures
    on events.event_kind in ('special_start', 'extended')
    and procedures.source_department = events.source_department
    and procedures.instance_code = events.instance_code
    and procedures.started_date = events.event_at::date
    and procedures.is_extension = (events.event_kind = 'extended')
-- some senders write a special procedure around the extension: one that begins with it to the second and is nothing else
left join procedures as written_as_pause
    on events.event_kind = 'special_start'
    and written_as_pause.is_extension
    and written_as_pause.source_department = events.source_department
    and written_as_pause.instance_code = events.instance_code
    and written_as_pause.started_at = events.event_at
left join extension_documents
    on events.event_kind = 'extended'
    and extension_documents.source_department = events.source_department
    and extension_documents.instance_code = events.instance_code
    and extension_documents.document_date = events.event_at::date
{%- endmacro %}

{% macro spgl_special_procedures(only_changed_cases=false) -%}
with rows as (
    {{ spgl('spgl_xmspsxbltbcxxxb', ['spsxslbm', 'tbcx', 'tbcxmc', 'tbcxkssj', 'tbcxsxlx', 'tbcxsx'], only_changed_cases) }}
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
{%- endmacro %}

{% macro spgl_documents(only_changed_cases=false) -%}
with rows as (
    {{ spgl('spgl_xmspsxpfwjxxb', ['spsxslbm', 'gcdm', 'pfrq', 'pfwh', 'pfwjbt', 'pfwjyxqx'], only_changed_cases) }}
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
{%- endmacro %}
