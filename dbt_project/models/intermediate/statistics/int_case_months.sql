{%- set dates = case_count_columns() -%}
{%- set slices = dashboard_slices() -%}
{%- set aggregates = dates.values() | map('list') | sum(start=[]) | select | unique | list -%}
{%- set counts = ['entry_count'] -%}
{%- for names in dates.values() -%}{%- do counts.extend(names.values()) -%}{%- endfor -%}

{%- set places = {} -%}
{%- for aggregate in aggregates -%}{%- do places.update({aggregate: loop.index0}) -%}{%- endfor -%}

{{ config(materialized='incremental', incremental_strategy='add_counts', meta={'counts': counts}) }}

with {{ signed_cases() }},

-- cases alike in every slice and date, so that they are read once however many dates the figures have
cells as (
    select
        {{ slices | join(',\n        ') }},
        {%- for date in dates %}
        {{ date }},
        {%- endfor %}
        sign,
        {%- for aggregate in aggregates %}
        {{ aggregate }} as part_{{ loop.index0 }},
        {%- endfor %}
        count(*) as case_count
    from cases
    group by {{ (slices + dates | list) | join(', ') }}, sign
),

-- one date at a time, each with what is counted by it
entries as (
    select
        {{ slices | join(',\n        ') }},
        case
            {%- for date in dates %}
            when grouping({{ date }}) = 0 then {{ date }}
            {%- else %}
            when true then null::date
            {%- endfor %}
        end as month,
        {%- for date, names in dates.items() %}
        {%- for aggregate, name in names.items() %}
        case when grouping({{ date }}) = 0 then sum(sign * {{ 'part_' ~ places[aggregate] if aggregate else 'case_count' }}) end as {{ name }},
        {%- endfor %}
        {%- endfor %}
        sum(sign * case_count) as entry_count
    from cells
    group by {{ slices | join(', ') }}{{ ', grouping sets ((' ~ dates | join('), (') ~ '))' if dates }}
)

select
    {{ slices | join(',\n    ') }},
    month,
    {%- for name in counts %}
    coalesce(sum({{ name }}), 0) as {{ name }}{{ ',' if not loop.last }}
    {%- endfor %}
from entries
group by {{ slices | join(', ') }}, month
