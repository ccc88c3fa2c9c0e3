{#-
  Models of the national standard whose rows belong to cases, as macros: staging shows them whole; a build of what
  changed reads the rows of some cases alone (about: a relation of their case_ids), because no view could be told so.
-#}

{#- Cleaned and typed once (the fences), by several workers, before the rows are sorted. -#}
{% macro spgl_case_events(about=none) -%}
with sent as (
    {{ spgl('spgl_xmspsxblxxxxb', ['spsxslbm', 'blzt', 'blsj', 'blcs', 'blyj', 'scsj'], about) }}
),

cleaned as (
    select * from sent
    {{ fence() }}
),

rows as (
    select
        source_department,
        spsxslbm as instance_code,
        {{ to_integer('blzt') }} as status,
        {{ to_timestamp('blsj') }} as event_at,
        {{ to_timestamp('scsj') }} as recorded_at,
        blcs as office_name,
        blyj as opinion,
        lsh,
        batch_id,
        row_number,
        blzt as status_code,
        blsj as event_at_raw
    from cleaned
    {{ fence() }}
),

status_codes as (
    select * from {{ ref('status_codes') }}
),

special_procedures as (
    {{ spgl_special_procedures(about) }}
),

documents as (
    {{ spgl_documents(about) }}
),

typed as (
    select
        rows.source_department,
        rows.instance_code,
        status_codes.event_kind,
        rows.event_at,
        row_number() over (partition by rows.source_department, rows.instance_code order by {{ lsh_order() }}) as source_order,
        rows.recorded_at,
        null::integer as extension_days,
        null::text as extension_unit,
        rows.office_name,
        rows.opinion,
        rows.batch_id,
        rows.row_number,
        rows.status_code,
        rows.event_at_raw,
        -- a resent event has a new LSH but the same case, status and time (DFSJZJ is no row key)
        row_number() over (
            partition by rows.source_department, rows.instance_code, rows.status_code, rows.event_at_raw
            order by {{ lsh_order() }}
        ) as repetition
    from rows
    left join status_codes on status_codes.status_code = rows.status
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
    -- of "= 1" the planner would expect one row in two hundred
    where repetition < 2
    union all
    select * from extensions
),

-- the status log does not say what its special procedure is: the procedure that begins on the same day does
procedures as (
    select distinct on (source_department, instance_code, started_at::date, procedure_code is not distinct from '9')
        source_department,
        instance_code,
        started_at,
        started_at::date as started_date,
        procedure_code,
        procedure_name,
        procedure_code is not distinct from '9' as is_extension
    from special_procedures
    order by
        source_department, instance_code, started_at::date, procedure_code is not distinct from '9',
        -- one that does not say what it is steps back behind one that does
        procedure_code is null, started_at, batch_id, row_number
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

{% macro spgl_special_procedures(about=none) -%}
with rows as (
    {{ spgl('spgl_xmspsxbltbcxxxb', ['spsxslbm', 'tbcx', 'tbcxmc', 'tbcxkssj', 'tbcxsxlx', 'tbcxsx'], about) }}
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
        tbcxkssj as started_at_raw,
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

{% macro spgl_documents(about=none) -%}
with rows as (
    {{ spgl('spgl_xmspsxpfwjxxb', ['spsxslbm', 'gcdm', 'pfrq', 'pfwh', 'pfwjbt', 'pfwjyxqx'], about) }}
),

typed as (
    select
        source_department,
        spsxslbm as instance_code,
        {{ to_date('pfrq') }} as document_date,
        pfrq as document_date_raw,
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

{% macro spgl_cases(about=none) -%}
with rows as (
    {{ spgl('spgl_xmspsxblxxb', [
        'spsxslbm', 'gcdm', 'spsxbm', 'spsxbbh', 'splcbm', 'splcbbh', 'spbmmc', 'slfs', 'blspslbm', 'sxblsx'
    ], about) }}
),

organisations as (
    select * from {{ ref('stg_spgl__organisations') }}
),

-- DWLX 1 is 建设单位, who applies
owners as (
    select distinct on (source_department, works_code_raw)
        source_department,
        works_code_raw,
        organisation_name,
        credit_code
    from organisations
    where role_code = 1
    order by source_department, works_code_raw, batch_id desc, row_number desc
),

ranked as (
    select
        rows.*,
        row_number() over (partition by source_department, spsxslbm order by {{ lsh_order() }} desc) as recency
    from rows
    where spsxslbm is not null
)

select
    ranked.source_department,
    ranked.spsxslbm as instance_code,
    ranked.spsxbm as item_code,
    ranked.spsxbbh as item_version,
    null::text as item_name,
    ranked.spbmmc as handling_department_name,
    null::text as project_code_raw,
    ranked.gcdm as works_code_raw,
    null::text as project_name,
    ranked.blspslbm as parallel_group_code,
    ranked.slfs as channel_code,
    {{ to_integer('ranked.sxblsx') }} as promised_limit,
    'working_days' as limit_unit,
    null::text as certificate_number,
    owners.organisation_name as applicant_name,
    owners.credit_code as applicant_credit_code,
    -- XZQHDM is the uploading city; the site's region stands on the works
    null::text as region_code,
    null::text as related_document_number,
    -- the standard 2.0 says of the item, not of the case, whether 告知承诺 is allowed
    null::boolean as is_commitment,
    null::date as tolerance_due_date,
    ranked.batch_id,
    ranked.row_number,
    ranked.splcbm as flow_code,
    ranked.splcbbh as flow_version
from ranked
left join owners
    on owners.source_department = ranked.source_department
    and owners.works_code_raw = ranked.gcdm
where ranked.recency = 1
{%- endmacro %}
