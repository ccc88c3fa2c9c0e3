{#- Doubts about what describes projects, 工程, flows and items: small tables, looked through whole. -#}

with registered as (
    select * from {{ ref('int_project_registrations') }}
    where is_current
),

projects as (
    select * from {{ ref('int_projects') }}
),

works as (
    select * from {{ ref('int_works') }}
),

sent_works as (
    select * from {{ ref('stg_spgl__works') }}
),

flow_stages as (
    select * from {{ ref('stg_spgl__flow_stages') }}
),

flow_items as (
    select * from {{ ref('stg_spgl__flow_items') }}
),

items as (
    select * from {{ ref('int_items') }}
),

sent_items as (
    select * from {{ ref('int_items_unioned') }}
),

coded_works as (
    select
        sent_works.*,
        {{ canonical_code('works_code_raw') }} as works_code,
        {{ project_prefix(canonical_code('project_code_raw')) }} as project_code,
        concat_ws(
            '、',
            case when planned_start_date < date '1971-01-01' or planned_completion_date < date '1971-01-01' then '拟开工或拟建成 1970 年' end,
            case when industry_code = 'A01' then '行业 A01' end,
            case when total_investment_wan = 0 then '总投资 0' end,
            case when investment_source_code = '0' then '投资来源 0' end,
            case when land_area_square_metres = 0 then '用地面积 0' end,
            case when floor_area_square_metres = 0 then '建筑面积 0' end
        ) as stand_ins,
        concat_ws(
            '、',
            case when planned_start_date is null then '拟开工“' || planned_start_raw || '”' end,
            case when planned_completion_date is null then '拟建成“' || planned_completion_raw || '”' end,
            case when reported_at is null then '申报时间“' || reported_at_raw || '”' end
        ) as unreadable_dates
    from sent_works
)

select source_department, 'stand_in_date' as rule, 'project' as entity, project_code as business_key,
    least(registered_at, established_at)::date || ' 是占位日期' as detail, project_code, batch_id, row_number
from registered
where registered_at < timestamp '2000-01-01' or established_at < timestamp '2000-01-01'
union all
select source_department, 'check_digit_wrong', 'project', project_code, '最后一位与其余各位不符', project_code, batch_id, row_number
from projects
where not has_valid_check_digit and not {{ has_old_code_format('project_code') }}
union all
select registered.source_department, 'registered_twice', 'project', registered.project_code, '另有更新的登记，此条搁置',
    registered.project_code, registered.batch_id, registered.row_number
from registered
inner join projects using (project_code)
where (registered.source_department, registered.batch_id, registered.row_number)
    is distinct from (projects.source_department, projects.batch_id, projects.row_number)
union all
select works.source_department, 'unmatched_works', 'works', works.works_code,
    '所填项目代码“' || coalesce(works.given_project_code, '空') || '”没有登记', null, works.batch_id, works.row_number
from works
left join projects using (project_code)
where projects.project_code is null
union all
select source_department, 'planned_dates_reversed', 'works', works_code,
    '拟开工 ' || planned_start_date || '，拟建成 ' || planned_completion_date, project_code, batch_id, row_number
from coded_works
where planned_start_date >= planned_completion_date
union all
select source_department, 'stand_in_value', 'works', works_code, stand_ins, project_code, batch_id, row_number
from coded_works
where stand_ins != ''
union all
select source_department, 'works_date_unreadable', 'works', works_code, unreadable_dates || '不是日期', project_code, batch_id, row_number
from coded_works
where unreadable_dates != ''
union all
select source_department, 'stage_limit_odd', 'flow', concat_ws('/', flow_code, flow_version, local_stage_number),
    local_stage_name || ' 的时限为 ' || stage_limit || ' 个工作日', null, batch_id, row_number
from flow_stages
-- 并行推进 is no stage of its own and has no limit
where (stage_limit <= 0 and stage_number != 5) or stage_limit > 50
union all
select min(source_department), 'stage_split', 'flow', concat_ws('/', flow_code, flow_version, national_stage),
    '国家阶段 ' || national_stage || ' 分成“' || string_agg(distinct local_stage_name, '”“') || '”，办件分不出属于哪一个：不用其时限和里程碑', null,
    max(batch_id), max(row_number)
from flow_stages
cross join lateral regexp_split_to_table(stage_numbers, '[^0-9]+') as national_stage
where national_stage != ''
group by flow_code, flow_version, national_stage
having count(distinct local_stage_number) > 1
union all
select flow_items.source_department, 'promise_above_stage_limit', 'flow',
    concat_ws('/', flow_items.flow_code, flow_items.flow_version, flow_items.local_stage_number, flow_items.item_code),
    flow_items.item_name || ' 承诺 ' || flow_items.promised_limit || '，阶段 ' || flow_stages.stage_limit, null,
    flow_items.batch_id, flow_items.row_number
from flow_items
inner join flow_stages using (source_department, flow_code, flow_version, local_stage_number)
where flow_items.promised_limit > flow_stages.stage_limit and flow_stages.stage_number != 5
union all
select source_department, 'item_without_code', 'item', coalesce(item_name, '未填名称'),
    '目录中的“' || coalesce(item_name, '未填名称') || '”没有事项编码', null, batch_id, row_number
from sent_items
where item_code is null
union all
-- two departments may name different items by one code, and a case can mean only one of them
select sent_items.source_department, 'item_sent_twice', 'item', sent_items.item_code || '/' || sent_items.item_version,
    '“' || coalesce(sent_items.item_name, '未填名称') || '”搁置：同一编码和版本以后到的“' || coalesce(items.item_name, '未填名称') || '”为准'
    || case when sent_items.promised_limit is distinct from items.promised_limit
        then '，承诺 ' || coalesce(sent_items.promised_limit::text, '空') || ' 与 ' || coalesce(items.promised_limit::text, '空') else '' end
    || case when sent_items.statutory_limit is distinct from items.statutory_limit
        then '，法定 ' || coalesce(sent_items.statutory_limit::text, '空') || ' 与 ' || coalesce(items.statutory_limit::text, '空') else '' end,
    null, sent_items.batch_id, sent_items.row_number
from sent_items
inner join items using (item_code, item_version)
where (sent_items.source_department, sent_items.batch_id, sent_items.row_number)
    is distinct from (items.source_department, items.batch_id, items.row_number)
union all
select items.source_department, 'unknown_prerequisite', 'item', items.item_code || '/' || items.item_version,
    '前置事项 ' || trim(code) || ' 不在目录中', null, items.batch_id, items.row_number
from items
cross join lateral regexp_split_to_table(items.prerequisite_item_codes, '[,，;；、\s]+') as code
left join items as known on known.item_code = trim(code)
where known.item_code is null and trim(code) != ''
