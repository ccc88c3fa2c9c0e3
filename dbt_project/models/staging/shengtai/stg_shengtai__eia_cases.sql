{%- set steps = [
    'received_at', 'correction_requested_at', 'correction_received_at', 'accepted_at', 'review_started_at',
    'review_ended_at', 'publicity_started_at', 'publicity_ended_at', 'decided_at'
] -%}

with versions as (
    select * from {{ landed(source('raw_shengtai', 'eia_cases')) }} as landed
),

typed as (
    select
        {{ clean_text('"受理编号"') }} as instance_code,
        '建设项目环境影响' || {{ clean_text('"环评类别"') }} || '审批' as item_name,
        "项目代码" as project_code_raw,
        {{ clean_text('"项目名称"') }} as project_name,
        {{ clean_text('"建设单位"') }} as applicant_name,
        {{ to_timestamp('"收件日期"') }} as received_at,
        {{ to_timestamp('"受理日期"') }} as accepted_at,
        {{ to_timestamp('"补正告知日期"') }} as correction_requested_at,
        {{ to_timestamp('"补正提交日期"') }} as correction_received_at,
        {{ to_timestamp('"评审开始"') }} as review_started_at,
        {{ to_timestamp('"评审结束"') }} as review_ended_at,
        {{ to_timestamp('"公示开始"') }} as publicity_started_at,
        {{ to_timestamp('"公示结束"') }} as publicity_ended_at,
        {{ to_timestamp('"批复日期"') }} as decided_at,
        {{ clean_text('"办理结果"') }} as result,
        {{ to_integer('"承诺时限"') }} as promised_limit,
        {{ clean_text('"批复文号"') }} as certificate_number,
        {{ clean_text('"办理科室"') }} as office_name,
        {{ to_timestamp('"录入时间"') }} as recorded_at,
        _batch_id as batch_id,
        _row_number as row_number
    from versions
)

{{ last_version_with_entries('typed', 'instance_code', steps) }}
