with packages as (
    {{ feed_union('packages', [
        ['source_department', 'text'], ['package_code', 'text'], ['package_name', 'text'], ['audience_name', 'text'],
        ['document_count', 'integer'], ['page_count', 'integer'], ['visit_count', 'integer'], ['valid_from', 'date'],
        ['valid_to', 'date'], ['batch_id', 'bigint'], ['row_number', 'bigint']
    ]) }}
),

package_items as (
    {{ feed_union('package_items', [['source_department', 'text'], ['package_code', 'text'], ['item_code', 'text']]) }}
),

items as (
    select * from {{ ref('dim_item') }}
    where is_current
),

build as (
    select * from {{ ref('int_build') }}
),

-- its items one by one, as they are asked for today
apart as (
    select
        package_items.source_department,
        package_items.package_code,
        count(*)::integer as item_count,
        (count(*) filter (where items.item_code is null))::integer as unknown_item_count,
        (count(*) filter (where items.document_count is null))::integer as unlisted_item_count,
        string_agg(items.item_name, '、' order by items.stage_number, items.item_code) as item_names,
        sum(items.document_count)::integer as separate_document_count,
        sum(items.page_count)::integer as separate_page_count,
        sum(items.visit_count)::integer as separate_visit_count
    from package_items
    left join items using (item_code)
    group by package_items.source_department, package_items.package_code
)

select
    packages.source_department || ':' || packages.package_code as package_id,
    packages.source_department,
    packages.package_code,
    packages.package_name,
    packages.audience_name,
    packages.valid_from,
    packages.valid_to,
    {{ as_of() }} between packages.valid_from and coalesce(packages.valid_to, date '9999-12-31') as is_current,
    coalesce(apart.item_count, 0) as item_count,
    coalesce(apart.unknown_item_count, 0) as unknown_item_count,
    apart.item_names,
    apart.separate_document_count,
    packages.document_count,
    case when apart.unlisted_item_count = 0
        then 1 - packages.document_count::numeric / nullif(apart.separate_document_count, 0)
    end as document_reduction,
    apart.separate_page_count,
    packages.page_count,
    apart.separate_visit_count,
    packages.visit_count,
    case
        when apart.item_count is null then '未列事项，无从比较'
        when apart.unknown_item_count > 0 then format('%s个事项不在现行目录中，不作比较', apart.unknown_item_count)
        when apart.unlisted_item_count > 0 then format('%s个事项没有材料清单，不作比较', apart.unlisted_item_count)
    end as remark,
    packages.batch_id,
    packages.row_number,
    build.as_of,
    build.calendar_version,
    build.rule_version
from packages
cross join build
left join apart using (source_department, package_code)
