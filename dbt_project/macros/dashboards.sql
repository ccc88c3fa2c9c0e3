{#-
  Small tables for the dashboards, from the compiled metrics (var('metrics')): sums by month and slice, from which every
  rate follows at whatever filter a reader sets, and how often each duration is met, from which every percentile does.
-#}

{#- By what the dashboards filter: what every mart that is added up has in common. -#}
{% macro dashboard_slices() -%}
{{ return(['department_name', 'office_name', 'stage_name', 'flow_type_name', 'item_name']) }}
{%- endmacro %}

{#-
  The marts that `target` adds up, by name, and of each the sums by the date that puts them into a month:
  {mart: {date column: {column: aggregate}}}.
-#}
{% macro sums_of_marts(target) -%}
{%- set marts = {} -%}
{%- for metric in var('metrics') if metric.added_up_in == target and metric.sums -%}
    {%- do marts.setdefault(metric.model, {}).setdefault(metric.date_column, {}).update(metric.sums) -%}
{%- endfor -%}
{{ return(marts) }}
{%- endmacro %}

{#- What percentile_cont gives, as a function that a dashboard's metric can call over counted values. -#}
{% macro create_dashboard_functions() %}
create or replace function marts.quantile_of_counts(
    fraction double precision, measured_values double precision[], value_counts bigint[]
) returns double precision language sql immutable parallel safe
return (
    with counted as (
        select measured_value, sum(value_count) as value_count
        from unnest(measured_values, value_counts) as pairs (measured_value, value_count)
        group by measured_value
    ),

    running as (
        select
            measured_value,
            sum(value_count) over () as total,
            sum(value_count) over (order by measured_value) as running
        from counted
    )

    select {{ quantile_of_counts('fraction', 'measured_value', 'running', 'total') }}
    from running
);

-- a link to the dashboard `slug` with its filter `filter_id` set to one value of a column
create or replace function marts.dashboard_link(
    slug text, filter_id text, column_name text, filter_value text, label text
) returns text language sql immutable parallel safe
return (
    with characters as (
        select place, letter
        from regexp_split_to_table(regexp_replace(filter_value, $$([!'])$$, $$!\1$$, 'g'), '') with ordinality
            as split (letter, place)
    ),

    encoded as (
        select
            string_agg(
                case
                    when letter ~ '[A-Za-z0-9_.~-]' then letter
                    else regexp_replace(upper(encode(convert_to(letter, 'UTF8'), 'hex')), '(..)', $$%\1$$, 'g')
                end,
                '' order by place
            ) as filter_value
        from characters
    )

    select
        '<a href="/superset/dashboard/' || slug || '/?native_filters=(NATIVE_FILTER-' || filter_id
        || ':(extraFormData:(filters:!((col:' || column_name || ',op:IN,val:!(%27' || encoded.filter_value
        || '%27)))),filterState:(value:!(%27' || encoded.filter_value || '%27)),id:NATIVE_FILTER-' || filter_id
        || ',ownState:()))">' || label || '</a>'
    from encoded
)
{% endmacro %}
