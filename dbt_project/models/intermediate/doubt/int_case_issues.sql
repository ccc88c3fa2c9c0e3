{{ config(
    materialized='incremental',
    incremental_strategy='replace_changed',
    unique_key='case_id',
    indexes=[{'columns': ['case_id']}]
) }}

{#-
  All doubts about a case in one reading of it: what the rules say joins to one text per case (mostly none), taken apart
  only where there is one. Each rule: its name, when it fires, what it says. The clock's own flags come after them.
-#}
{%- set rules = [
    ('unmatched_case', 'instances.project_code is null',
        "'项目代码“' || coalesce(cases.given_project_code, '空') || '”、工程代码“' || coalesce(cases.given_works_code, '空') || '”都对不上已登记的项目'"),
    ('project_code_unreadable',
        "cases.has_stand_in_project_code or " ~ project_prefix("coalesce(cases.given_project_code, cases.given_works_code, '')") ~ " is null",
        "'所填项目代码“' || coalesce(cases.given_project_code, '空') || '”不成代码'"),
    ('works_not_registered',
        "cases.given_works_code is not null and length(cases.given_works_code) > 24 and works.works_code is null",
        "'工程代码“' || cases.given_works_code || '”没有登记'"),
    ('unknown_item', 'instances.stage_number is null', "'事项“' || coalesce(instances.item_code, instances.item_name, '未填') || '”不在目录中'"),
    ('item_version_unknown', 'instances.stage_number is not null and cases.given_item_version is not null and named_version.item_code is null',
        "'事项 ' || instances.item_code || ' 没有版本 ' || cases.given_item_version"),
    ('limit_missing', 'instances.promised_limit is null', "'办件和目录都没有承诺时限'"),
    ('promise_above_statute',
        'instances.promised_limit > instances.statutory_limit and instances.limit_unit = instances.statutory_unit',
        "'承诺 ' || instances.promised_limit || '，法定 ' || instances.statutory_limit"),
    ('limit_differs', 'cases.given_promised_limit != named_version.promised_limit',
        "'办件填 ' || cases.given_promised_limit || '，目录版本 ' || cases.given_item_version || ' 为 ' || named_version.promised_limit"),
    ('unknown_code',
        '(cases.channel_code is not null and instances.channel_name is null) or (instances.flow_type is not null and instances.flow_type_name is null)',
        "concat_ws('，', case when instances.channel_name is null then '受理方式“' || cases.channel_code || '”' end, case when instances.flow_type_name is null then '流程类型“' || instances.flow_type || '”' end) || ' 不在字典中'"),
    ('case_without_events', 'entries.case_id is null', "'没有可用的办理过程'"),
    ('several_decisions', 'entries.decision_count > 1', "'办结 ' || entries.decision_count || ' 次，以第一次为准'"),
    ('log_starts_late', "entries.first_event_kind != 'received'", "'第一条记录不是接件：' || entries.first_event_at::date"),
    ('unanswered_correction', "entries.unanswered_correction_count > 0 and instances.is_decided",
        "'有 ' || entries.unanswered_correction_count || ' 次补正没有结束'"),
    ('two_pauses_open', 'overlapping.case_id is not null', "'有两个暂停同时进行'"),
    ('dated_after_entry', 'entries.dated_after_entry_count > 0',
        "entries.dated_after_entry_count || ' 条记录所填日期晚于录入日期'"),
    ('event_before_project_code', "substring(instances.project_code from 3 for 2) between '01' and '12' and entries.first_event_at < to_date('20' || substring(instances.project_code from 1 for 4), 'YYYYMM')",
        "'最早记录 ' || entries.first_event_at::date || '，早于项目代码的年月 20' || substring(instances.project_code from 1 for 2) || '-' || substring(instances.project_code from 3 for 2)"),
    ('document_date_differs', "instances.outcome = 'passed' and documents.issued_date != instances.decided_date",
        "'批复日期 ' || documents.issued_date || '，办结日期 ' || instances.decided_date"),
    ('entered_at_once', 'doubts.is_entered_at_once',
        "entries.first_event_at::date || ' 至 ' || entries.last_event_at::date || ' 的 ' || entries.event_count || ' 条记录于 ' || to_char(entries.first_recorded_at, 'YYYY-MM-DD HH24:MI') || ' 起十分钟内录入'"),
    ('backfilled_case', 'doubts.is_backfilled',
        "'办结于 ' || doubts.closed_date || '，' || to_char(doubts.first_recorded_at, 'YYYY-MM-DD HH24:MI') || ' 才第一次录入'"),
    ('withheld_finish', 'doubts.is_finish_withheld',
        "'仍为在办，但' || case doubts.finish_evidence when 'document' then '批复文件' else '证照文号' end || '已存在' || coalesce('，疑于 ' || doubts.suspected_finish_date || ' 办结', '')"),
    ('withdrawn_and_refiled', 'doubts.is_reset_suspected',
        "'前次 ' || doubts.reapply_of_case_id || ' 撤件后 ' || doubts.days_since_previous || ' 天重报'"),
    ('duplicate_instance', 'doubts.is_duplicate', "'与 ' || doubts.previous_case_id || ' 同一事项、同一工程、同一天收件'"),
    ('instant_decision',
        "instances.promised_limit >= 1 and instances.is_decided and entries.pause_event_count = 0 and entries.terminal_at - entries.accepted_at between interval '0' and interval '10 minutes' and entries.terminal_at::time != time '00:00'",
        "'受理 ' || to_char(entries.accepted_at, 'YYYY-MM-DD HH24:MI') || '，办结 ' || to_char(entries.terminal_at, 'YYYY-MM-DD HH24:MI')"),
] -%}
{%- set flags = {
    'ORDER_ERROR': '办结早于受理',
    'NO_ACCEPTANCE': '没有受理记录就办结',
    'CAL_UNAVAILABLE': '日期超出已装载的日历，不计工作日',
    'DUE_BEYOND_CALENDAR': '到期日超出已装载的日历',
    'LIMIT_UNIT_UNSUPPORTED': '承诺时限的单位无法计时',
    'STAT_LIMIT_UNIT_UNSUPPORTED': '法定时限的单位无法计时',
    'UNCLOSED_ON_DECIDED': '办结时仍有暂停没有结束',
    'ORPHAN_END': '有暂停结束而没有开始',
    'DUP_START': '暂停重复开始',
    'DUP_ACCEPT': '不止一次受理',
    'EVENT_AFTER_DECISION': '办结之后仍有办理记录',
    'DECIDED_WHILE_SUSPENDED': '暂停期间办结',
    'LATE_CORRECTION': '超过五个工作日才告知补正',
    'EXTENSION_TOO_LATE': '延期在时限已过之后才批准',
    'EXTENSION_UNCLEAR': '延期没有写明可用的天数',
    'EXTENSION_UNDOCUMENTED': '延期没有批准文件',
} -%}

with instances as not materialized (
    select * from {{ ref('int_item_instances') }}
    where {{ only_changed('case_id') }}
),

cases as (
    select * from {{ ref('int_cases') }}
),

entries as (
    select * from {{ ref('int_case_entries') }}
),

doubts as (
    select * from {{ ref('int_case_doubts') }}
),

works as (
    select * from {{ ref('int_works') }}
),

items as (
    select * from {{ ref('int_items') }}
),

pauses as (
    select * from {{ ref('int_case_pauses') }}
    where pause_kind != 'correction' and {{ only_changed('case_id') }}
),

-- the dated document of a case that says something else than its decision
documents as (
    select distinct on (case_id)
        case_id,
        issued_date,
        batch_id,
        row_number
    from {{ ref('int_case_permits') }}
    where has_case and origin = 'document' and issued_date is not null and not is_no_permit and {{ only_changed('case_id') }}
    order by case_id, issued_date = closed_date desc, issued_date, permit_id
),

running as (
    select
        case_id,
        started_date,
        max(coalesce(ended_date, date '9999-12-31')) over (
            partition by case_id order by started_date, event_number rows between unbounded preceding and 1 preceding
        ) as earlier_until
    from pauses
),

overlapping as (
    select case_id
    from running
    where started_date < earlier_until
    group by case_id
),

found as (
    select
        instances.case_id,
        instances.source_department,
        instances.project_code,
        instances.batch_id,
        instances.row_number,
        documents.batch_id as document_batch_id,
        documents.row_number as document_row_number,
        concat_ws(
            e'\x1e'
            {%- for rule, condition, detail in rules %},
            case when {{ condition }} then '{{ rule }}' || e'\x1f' || {{ detail }} end
            {%- endfor %}
        ) as issues
    from instances
    inner join cases using (case_id)
    left join entries using (case_id)
    left join doubts using (case_id)
    left join documents using (case_id)
    left join overlapping using (case_id)
    left join works on works.works_code = cases.given_works_code
    left join items as named_version
        on named_version.item_code = instances.item_code
        and named_version.item_version = cases.given_item_version
),

flag_texts (flag, detail) as (
    values
    {%- for flag, detail in flags.items() %}
    ('{{ flag }}', '{{ detail }}'){% if not loop.last %},{% endif %}
    {%- endfor %}
)

select
    found.case_id,
    found.source_department,
    split_part(issue, e'\x1f', 1) as rule,
    split_part(issue, e'\x1f', 2) as detail,
    found.project_code,
    found.batch_id,
    found.row_number,
    case when split_part(issue, e'\x1f', 1) in ('document_date_differs', 'withheld_finish') then found.document_batch_id end
        as other_batch_id,
    case when split_part(issue, e'\x1f', 1) in ('document_date_differs', 'withheld_finish') then found.document_row_number end
        as other_row_number
from found
cross join lateral string_to_table(found.issues, e'\x1e') as issue
where found.issues != ''
union all
select
    instances.case_id,
    instances.source_department,
    lower(flag_texts.flag) as rule,
    flag_texts.detail,
    instances.project_code,
    instances.batch_id,
    instances.row_number,
    null as other_batch_id,
    null as other_row_number
from instances
cross join lateral string_to_table(instances.clock_flags, '|') as raised
inner join flag_texts on flag_texts.flag = raised
