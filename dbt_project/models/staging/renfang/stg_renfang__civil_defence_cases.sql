{%- set steps = ['received_at', 'correction_requested_at', 'correction_received_at', 'accepted_at', 'decided_at'] -%}

with versions as (
    select * from {{ landed(source('raw_renfang', 'civil_defence_cases')) }} as landed
),

typed as (
    select
        {{ clean_text('"办件编号"') }} as instance_code,
        {{ clean_text('"事项名称"') }} as item_name,
        "项目代码" as project_code_raw,
        "工程代码" as works_code_raw,
        {{ clean_text('"项目名称"') }} as project_name,
        {{ to_timestamp('"接件时间"') }} as received_at,
        {{ to_timestamp('"受理时间"') }} as accepted_at,
        {{ to_timestamp('"补正开始"') }} as correction_requested_at,
        {{ to_timestamp('"补正结束"') }} as correction_received_at,
        {{ to_timestamp('"办结时间"') }} as decided_at,
        {{ clean_text('"办理结果"') }} as result,
        {{ to_integer('"承诺工作日"') }} as promised_limit,
        {{ clean_text('"经办科室"') }} as office_name,
        {{ to_timestamp('"登记时间"') }} as recorded_at,
        _batch_id as batch_id,
        _row_number as row_number
    from versions
)

{{ last_version_with_entries('typed', 'instance_code', steps) }}
