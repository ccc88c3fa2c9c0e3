{#-
  拿地即开工, 竣工即交付, 四证齐发 found from dates. Which document is 拿地 or 交付 and how many working days are 即 is
  var('instant_start'): a kind of document in the departments' ledgers, or the name of a milestone.
-#}
{%- set rule = var('instant_start') -%}
{%- set milestones = {
    'land_use': '建设用地规划许可', 'planning': '建设工程规划许可', 'construction': '施工许可'
} -%}

with documents as (
    select * from {{ ref('int_project_documents_unioned') }}
),

milestones as (
    select * from {{ ref('fct_milestone') }}
    where is_reached
),

projects as (
    select * from {{ ref('fct_project_lifecycle') }}
),

calendar as (
    select * from {{ ref('int_calendar') }}
),

build as (
    select * from {{ ref('int_build') }}
),

landmarks as (
    select
        {{ named_project('project_code_raw') }} as project_code,
        kind_name,
        dated_on
    from documents
    where dated_on <= {{ as_of() }}
    union all
    select
        project_code,
        milestone_name,
        milestone_date
    from milestones
),

-- of several documents that count as 拿地, the one named first in the rule; of one kind, the first
land as (
    select distinct on (project_code)
        project_code,
        kind_name as land_document,
        dated_on as land_date
    from landmarks
    where kind_name in ({{ quoted(rule.land_documents) }})
    order by project_code, array_position(array[{{ quoted(rule.land_documents) }}], kind_name), dated_on
),

first_dates as (
    select
        project_code,
        min(dated_on) filter (where kind_name in ({{ quoted(rule.title_documents) }})) as title_date,
        {%- for name, milestone in milestones.items() %}
        min(dated_on) filter (where kind_name = '{{ milestone }}') as {{ name }}_permit_date,
        {%- endfor %}
        max(dated_on) filter (where kind_name in ({{ quoted(rule.delivery_documents) }})) as delivery_date
    from landmarks
    group by project_code
),

dated as (
    select
        projects.project_code,
        projects.project_name,
        projects.flow_type,
        projects.flow_type_name,
        projects.is_withdrawn,
        land.land_document,
        land.land_date,
        first_dates.title_date,
        first_dates.land_use_permit_date,
        first_dates.planning_permit_date,
        first_dates.construction_permit_date,
        projects.completion_date,
        first_dates.delivery_date
    from projects
    left join land using (project_code)
    left join first_dates using (project_code)
),

counted as (
    select
        dated.*,
        permit_day.working_day_number - land_day.working_day_number as start_working_days,
        today.working_day_number - land_day.working_day_number as waited_start_working_days,
        delivery_day.working_day_number - completion_day.working_day_number as delivery_working_days,
        today.working_day_number - completion_day.working_day_number as waited_delivery_working_days
    from dated
    cross join build
    left join calendar as today on today.date_day = build.as_of
    left join calendar as land_day on land_day.date_day = dated.land_date
    left join calendar as permit_day on permit_day.date_day = dated.construction_permit_date
    left join calendar as completion_day on completion_day.date_day = dated.completion_date
    left join calendar as delivery_day on delivery_day.date_day = dated.delivery_date
),

judged as (
    select
        counted.*,
        coalesce(construction_permit_date < land_date, false) as is_permit_before_land,
        coalesce(delivery_date < completion_date, false) as is_delivery_before_completion
    from counted
)

select
    judged.project_code,
    judged.project_name,
    judged.flow_type,
    judged.flow_type_name,
    judged.is_withdrawn,
    judged.land_document,
    judged.land_date,
    date_trunc('month', judged.land_date)::date as land_month,
    judged.construction_permit_date,
    case when not judged.is_permit_before_land then judged.start_working_days end as start_working_days,
    judged.is_permit_before_land,
    -- nothing can be said while the days still run
    case
        when judged.is_permit_before_land then null
        when judged.start_working_days is not null then judged.start_working_days <= {{ rule.start_within_working_days }}
        when judged.construction_permit_date is null
            and judged.waited_start_working_days > {{ rule.start_within_working_days }} then false
    end as is_instant_start,
    case
        when judged.land_date is null then '无拿地文书'
        when judged.is_permit_before_land then '不作判断'
        when judged.start_working_days <= {{ rule.start_within_working_days }} then '拿地即开工'
        when judged.start_working_days > {{ rule.start_within_working_days }} then '超过期限'
        when judged.waited_start_working_days > {{ rule.start_within_working_days }} then '期满未开工'
        when judged.waited_start_working_days is null or judged.construction_permit_date is not null then '超出日历'
        else '期限未满'
    end as start_state_name,
    judged.completion_date,
    date_trunc('month', judged.completion_date)::date as completion_month,
    judged.delivery_date,
    case when not judged.is_delivery_before_completion then judged.delivery_working_days end as delivery_working_days,
    judged.is_delivery_before_completion,
    case
        when judged.is_delivery_before_completion then null
        when judged.delivery_working_days is not null
            then judged.delivery_working_days <= {{ rule.delivered_within_working_days }}
        when judged.delivery_date is null
            and judged.waited_delivery_working_days > {{ rule.delivered_within_working_days }} then false
    end as is_instant_delivery,
    judged.title_date,
    judged.land_use_permit_date,
    judged.planning_permit_date,
    num_nulls(
        judged.title_date, judged.land_use_permit_date, judged.planning_permit_date, judged.construction_permit_date
    ) = 0 as has_four_certificates,
    greatest(
        judged.title_date, judged.land_use_permit_date, judged.planning_permit_date, judged.construction_permit_date
    ) as last_certificate_date,
    date_trunc('month', greatest(
        judged.title_date, judged.land_use_permit_date, judged.planning_permit_date, judged.construction_permit_date
    ))::date as last_certificate_month,
    case
        when num_nulls(
            judged.title_date, judged.land_use_permit_date, judged.planning_permit_date, judged.construction_permit_date
        ) = 0
            then judged.title_date = judged.construction_permit_date
            and judged.land_use_permit_date = judged.construction_permit_date
            and judged.planning_permit_date = judged.construction_permit_date
    end as is_four_on_one_date,
    nullif(concat_ws(
        '；',
        case when judged.is_permit_before_land then '施工许可早于拿地，不作判断' end,
        case when judged.is_delivery_before_completion then '交付早于竣工验收备案，不作判断' end
    ), '') as remark,
    build.as_of,
    build.calendar_version,
    build.rule_version
from judged
cross join build
