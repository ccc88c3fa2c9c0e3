{#- What total investment says that a project needs (seeds/investment_rules.csv), against what was asked of it. -#}

with rules as (
    select * from {{ ref('investment_rules') }}
),

projects as (
    select * from {{ ref('int_projects') }}
),

lifecycles as (
    select * from {{ ref('fct_project_lifecycle') }}
),

cases as (
    select * from {{ ref('fct_item_instance') }}
),

orders as (
    select * from {{ ref('int_agency_orders_unioned') }}
),

documents as (
    select * from {{ ref('int_project_documents_unioned') }}
),

build as (
    select * from {{ ref('int_build') }}
),

evidence as (
    select project_code, item_name as name, received_date as evidence_date, '办件' as source_name
    from cases
    where item_name in (select distinct items.item_name from {{ ref('int_items') }} as items
        inner join rules on position(rules.evidence_name in items.item_name) > 0)
    union all
    select {{ named_project('project_code_raw') }}, category, ordered_at::date, '中介委托'
    from orders
    where ordered_at::date <= {{ as_of() }}
    union all
    select {{ named_project('project_code_raw') }}, kind_name, dated_on, '项目文书'
    from documents
    where dated_on <= {{ as_of() }}
),

found as (
    select distinct on (rules.rule_code, evidence.project_code)
        rules.rule_code,
        evidence.project_code,
        evidence.name as evidence_name,
        evidence.source_name as evidence_source_name,
        evidence.evidence_date
    from rules
    inner join evidence on position(rules.evidence_name in evidence.name) > 0
    order by rules.rule_code, evidence.project_code, evidence.evidence_date, evidence.source_name
),

-- a rule whose subject no source of the district ever tells of cannot be lacked
told as (
    select distinct rule_code
    from found
),

checked as (
    select
        projects.project_code,
        {{ mask_project_name('projects.project_name', 'projects.is_household_pv') }} as project_name,
        lifecycles.flow_type_name,
        projects.total_investment_wan,
        rules.rule_code,
        rules.rule_name,
        rules.dropped_up_to_wan,
        projects.registered_at::date as registered_date,
        lifecycles.established_date,
        projects.total_investment_wan > rules.dropped_up_to_wan as is_needed,
        found.evidence_name,
        found.evidence_source_name,
        found.evidence_date,
        told.rule_code is not null as has_source
    from projects
    inner join rules
        on rules.investment_source_code = projects.investment_source_code
        and rules.valid_from <= projects.registered_at::date
    left join lifecycles using (project_code)
    left join found
        on found.rule_code = rules.rule_code
        and found.project_code = projects.project_code
    left join told on told.rule_code = rules.rule_code
    where projects.registered_at::date <= {{ as_of() }}
)

select
    checked.project_code || '/' || checked.rule_code as check_id,
    checked.project_code,
    checked.project_name,
    checked.flow_type_name,
    checked.total_investment_wan,
    checked.rule_code,
    checked.rule_name,
    checked.dropped_up_to_wan,
    checked.registered_date,
    date_trunc('month', checked.registered_date)::date as registered_month,
    checked.established_date,
    checked.is_needed,
    checked.evidence_name is not null as is_present,
    checked.evidence_name,
    checked.evidence_source_name,
    checked.evidence_date,
    case
        when checked.is_needed is null then '总投资不明'
        when not checked.is_needed and checked.evidence_name is not null then '多要'
        when not checked.is_needed or checked.evidence_name is not null then '相符'
        when not checked.has_source then '无数据来源'
        -- what comes before 立项 may still come
        when checked.established_date is null then '未到'
        else '缺少'
    end as finding_name,
    coalesce(
        (not checked.is_needed and checked.evidence_name is not null)
        or (
            checked.is_needed and checked.evidence_name is null and checked.established_date is not null
            and checked.has_source
        ),
        false
    ) as is_deviation,
    build.as_of,
    build.calendar_version,
    build.rule_version
from checked
cross join build
