{#-
  What the ledgers beside the approval cases have in common: they name a project by a typed code, and people by the day.
-#}

{#- The project that a ledger's row names; null where the code is none. Whether it is known, a join with int_projects says. -#}
{% macro named_project(column) -%}
{{ project_prefix(canonical_code(column)) }}
{%- endmacro %}

{#- A moment's day, where that is not after the day the figures are true for; null otherwise. -#}
{% macro known_date(column) -%}
case when {{ column }}::date <= {{ as_of() }} then {{ column }}::date end
{%- endmacro %}

{#- First and last day of the assessment's period that a month lies in: month, two_months (from January on), quarter. -#}
{% macro assessment_period_start(grain, month) -%}
case {{ grain }}
        when 'month' then {{ month }}
        when 'two_months' then ({{ month }} - (((extract(month from {{ month }})::integer - 1) % 2) * interval '1 month'))::date
        when 'quarter' then date_trunc('quarter', {{ month }})::date
    end
{%- endmacro %}

{% macro assessment_period_end(grain, start) -%}
({{ start }} + case {{ grain }}
        when 'month' then interval '1 month'
        when 'two_months' then interval '2 months'
        when 'quarter' then interval '3 months'
    end)::date - 1
{%- endmacro %}

{#- Columns of the feed `measures`. -#}
{% macro measure_columns() -%}
{%- set columns = [
    ['source_department', 'text'], ['measure_code', 'text'], ['measure_name', 'text'], ['action_name', 'text'],
    ['scope_name', 'text'], ['kind_name', 'text'], ['item_code', 'text'], ['stage_number', 'integer'], ['started_on', 'date'],
    ['limit_before', 'integer'], ['limit_before_unit', 'text'], ['limit_after', 'integer'], ['limit_after_unit', 'text'],
    ['fee_yuan_before', 'numeric'], ['fee_yuan_after', 'numeric'], ['legal_type_before', 'text'], ['legal_type_after', 'text'],
    ['status_name', 'text'], ['claimed_days_saved', 'integer'], ['claimed_percent', 'numeric'], ['claimed_kind_name', 'text'],
    ['document_number', 'text'], ['batch_id', 'bigint'], ['row_number', 'bigint']
] -%}
{%- for thing in ['item', 'step', 'document', 'page', 'visit'] -%}
    {%- do columns.extend([[thing ~ '_count_before', 'integer'], [thing ~ '_count_after', 'integer']]) -%}
{%- endfor -%}
{{ return(columns) }}
{%- endmacro %}

{#- A list of words as SQL. -#}
{% macro quoted(words) -%}
{%- for word in words %}'{{ word | replace("'", "''") }}'{{ ", " if not loop.last }}{% endfor -%}
{%- endmacro %}

{#- What people call a period: 2026年6月, 2026年5—6月, 2026年第2季度. -#}
{% macro assessment_period_name(grain, start) -%}
case {{ grain }}
        when 'month' then to_char({{ start }}, 'YYYY"年"FMMM"月"')
        when 'two_months' then to_char({{ start }}, 'YYYY"年"FMMM') || '—' || to_char({{ start }} + interval '1 month', 'FMMM"月"')
        when 'quarter' then to_char({{ start }}, 'YYYY"年第"Q"季度"')
    end
{%- endmacro %}
