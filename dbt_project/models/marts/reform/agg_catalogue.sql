with items as (
    select * from {{ ref('dim_item') }}
),

materials as (
    select * from {{ ref('dim_item_material') }}
),

build as (
    select * from {{ ref('int_build') }}
),

first_day as (
    select least(coalesce(min(items.valid_from), build.as_of), build.as_of) as day
    from build
    left join items on true
    group by build.as_of
),

months as (
    select
        month::date as month,
        least((month + interval '1 month')::date - 1, build.as_of) as day
    from build
    cross join first_day
    cross join lateral generate_series(
        date_trunc('month', first_day.day), date_trunc('month', build.as_of), interval '1 month'
    ) as month
),

in_force as (
    select
        months.month,
        months.day,
        items.*
    from months
    inner join items on months.day between items.effective_from and items.effective_to
),

papers as (
    select
        in_force.month,
        in_force.item_code,
        in_force.item_version,
        count(*) as listed_material_count,
        sum(materials.document_count) as listed_document_count,
        sum(materials.page_count) as listed_page_count
    from in_force
    inner join materials using (item_code, item_version)
    where materials.cancelled_on is null or materials.cancelled_on > in_force.day
    group by in_force.month, in_force.item_code, in_force.item_version
)

select
    in_force.month,
    min(in_force.day) as day,
    in_force.item_class,
    in_force.stage_number,
    min(in_force.stage_name) as stage_name,
    count(*)::integer as item_count,
    (count(*) filter (where in_force.listed_step_count is null))::integer as item_without_steps_count,
    (count(*) filter (where papers.item_code is null))::integer as item_without_materials_count,
    coalesce(sum(in_force.listed_step_count), 0)::integer as step_count,
    coalesce(sum(in_force.applicant_step_count), 0)::integer as applicant_step_count,
    coalesce(sum(papers.listed_material_count), 0)::integer as material_count,
    coalesce(sum(papers.listed_document_count), 0)::integer as document_count,
    coalesce(sum(papers.listed_page_count), 0)::integer as page_count,
    coalesce(sum(in_force.visit_count), 0)::integer as visit_count,
    min(build.as_of) as as_of,
    min(build.calendar_version) as calendar_version,
    min(build.rule_version) as rule_version
from in_force
cross join build
left join papers using (month, item_code, item_version)
group by in_force.month, in_force.item_class, in_force.stage_number
