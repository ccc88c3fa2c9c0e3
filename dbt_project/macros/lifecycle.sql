{#-
  Who a stretch of time belongs to (rules B1). In this order a day that several hold up goes to the first: a day on
  which a department kept anything waiting is never charged to the owner.
-#}
{% macro responsible_parties() -%}
{{ return([
    {'id': 'department', 'name': '审批部门'},
    {'id': 'government_agency', 'name': '政府委托中介'},
    {'id': 'utility', 'name': '公用服务'},
    {'id': 'owner_agency', 'name': '建设单位委托中介'},
    {'id': 'owner', 'name': '建设单位'},
]) }}
{%- endmacro %}

{#-
  Approval time over the sequential stages 1 to 4 as CTEs, the last of them `times`: the span from the first acceptance
  to the last decision or as_of, divided into days at work, days all paused and days with nobody (rules A5), and the same
  days again by who they belong to. relation: rows of int_works_stages; keys: columns to group by, project_code included.
  A CTE agency_workdays must exist.
-#}
{% macro sequential_times(relation, keys) -%}
{%- set no_days = "'{}'::int4multirange" -%}
{%- set parties = responsible_parties() | map(attribute='id') | list -%}
sequential as (
    select
        {{ keys }},
        sum(sum_item_days)::integer as sum_item_days,
        max(max_item_days) as max_item_days,
        min(first_start_date) as first_start_date,
        max(last_end_date) as last_end_date,
        min(first_start_number) as first_start_number,
        max(last_end_number) as last_end_number,
        range_agg(run_workdays) as run_workdays,
        range_agg(active_workdays) as active_workdays,
        {%- for party in parties %}
        coalesce(range_agg({{ party }}_pause_workdays), {{ no_days }}) as {{ party }}_pause_workdays
        {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from {{ relation }}
    where stage_number between 1 and 4
    group by {{ keys }}
    having min(first_start_date) is not null
),

divided as (
    select
        sequential.*,
        run_workdays - active_workdays as paused_workdays,
        int4multirange({{ workdays_between('first_start_number', 'last_end_number') }}) - run_workdays as gap_workdays,
        coalesce(agency_workdays.government_agency_workdays, {{ no_days }}) as government_agency_workdays,
        coalesce(agency_workdays.owner_agency_workdays, {{ no_days }}) as owner_agency_workdays
    from sequential
    left join agency_workdays using (project_code)
),

-- counted once: several columns below read the same count
counted as materialized (
    select
        divided.*,
        {{ workdays_in('active_workdays') }} as approval_working_days,
        {{ workdays_in('run_workdays') }} as run_working_days,
        last_end_number - first_start_number as span_working_days,
        {{ workdays_in('gap_workdays * government_agency_workdays') }} as government_agency_gap_days,
        {{ workdays_in('gap_workdays * (owner_agency_workdays - government_agency_workdays)') }} as owner_agency_gap_days,
        {%- for party in parties %}
        {{ workdays_in('paused_workdays * (' ~ ([party] + parties[:loop.index0]) | join('_pause_workdays - ') ~ '_pause_workdays)') }}
            as {{ party }}_paused_days
        {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from divided
),

times as (
    select
        counted.*,
        last_end_date - first_start_date as span_calendar_days,
        span_working_days - run_working_days as applicant_working_days,
        run_working_days - approval_working_days as all_paused_working_days,
        approval_working_days + department_paused_days as department_working_days,
        government_agency_paused_days + government_agency_gap_days as government_agency_working_days,
        utility_paused_days as utility_working_days,
        owner_agency_paused_days + owner_agency_gap_days as owner_agency_working_days,
        owner_paused_days + span_working_days - run_working_days - government_agency_gap_days - owner_agency_gap_days
            as owner_working_days
    from counted
)
{%- endmacro %}

{#- The columns of `times` that a 工程 and a project show. -#}
{% macro time_columns() -%}
{{ return([
    'sum_item_days', 'max_item_days', 'span_working_days', 'span_calendar_days', 'applicant_working_days',
    'all_paused_working_days', 'department_working_days', 'government_agency_working_days', 'utility_working_days',
    'owner_agency_working_days', 'owner_working_days',
]) }}
{%- endmacro %}

{#- Counts of int_works_stages that add up, as sums of zero where there is nothing. -#}
{% macro case_counts() -%}
{{ return([
    'case_count', 'decided_case_count', 'passed_case_count', 'open_case_count', 'overdue_case_count',
    'withdrawn_case_count', 'parallel_case_count', 'correction_count', 'pause_count',
]) }}
{%- endmacro %}

{#- Alerts in the order of their weight, so that the worst of several is their maximum. -#}
{% macro alert_states() -%}{{ return(['none', 'paused', 'warn', 'overdue']) }}{%- endmacro %}

{% macro alert_rank(alert_state) -%}
case {{ alert_state }}{% for state in alert_states() %} when '{{ state }}' then {{ loop.index0 }}{% endfor %} end
{%- endmacro %}

{% macro alert_of_rank(rank) -%}
case {{ rank }}{% for state in alert_states() %} when {{ loop.index0 }} then '{{ state }}'{% endfor %} end
{%- endmacro %}

{#-
  Milestones that a project or 工程 shows as columns, in their order (seeds/milestones.csv), and which of its 工程 dates a
  project's: the first; the last, once each 工程 has it or is finished without it; or the last, once all have it.
-#}
{% macro milestones() -%}
{%- set found = [] -%}
{%- for rule, names in {
    'first': [
        'planning_generated', 'registered', 'established', 'land_preapproval', 'land_use_permit', 'land_acquired',
        'design_review', 'planning_permit', 'drawing_review', 'construction_permit', 'construction_start',
    ],
    'last': ['planning_verification', 'fire_acceptance', 'civil_defence_acceptance', 'joint_acceptance'],
    'all': ['completion', 'title_registration'],
}.items() -%}
    {%- for name in names -%}{%- do found.append({'name': name, 'of_project': rule}) -%}{%- endfor -%}
{%- endfor -%}
{{ return(found) }}
{%- endmacro %}
