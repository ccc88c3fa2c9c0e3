{#- Text as people type it -> text as programs compare it: full-width to half-width, outer blanks off, '' to null. -#}
{% macro clean_text(column) -%}
nullif(btrim({{ half_width(column) }}, e' \t\r\n\u3000\u00a0'), '')
{%- endmacro %}

{% macro half_width(column) -%}
{#- plain ASCII holds nothing to turn, and is nearly all there is -#}
case when octet_length({{ column }}) = length({{ column }}) then {{ column }} else translate({{ column }}, '０１２３４５６７８９ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ－＃　', '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-# ') end
{%- endmacro %}

{#-
  Plain expressions, though they repeat themselves: PostgreSQL runs no query in parallel that has a sub-select without a
  table. The forms that nearly all values have come first and cost little.
-#}

{#- A number, or null where the text is none. -#}
{% macro to_numeric(column) -%}
case when pg_input_is_valid({{ clean_text(column) }}, 'numeric') then ({{ clean_text(column) }})::numeric end
{%- endmacro %}

{% macro to_integer(column) -%}
case
    when length({{ column }}) between 1 and 9 and translate({{ column }}, '0123456789', '') = '' then ({{ column }})::integer
    when {{ clean_text(column) }} ~ '^[+-]?[0-9]{1,9}(\.0*)?$' then ({{ clean_text(column) }})::numeric::integer
end
{%- endmacro %}

{% macro to_boolean(column) -%}
case
    when lower({{ clean_text(column) }}) in ('1', 'true', 't', 'yes', 'y', '是') then true
    when lower({{ clean_text(column) }}) in ('0', 'false', 'f', 'no', 'n', '否') then false
end
{%- endmacro %}

{#-
  A local time (Asia/Shanghai), or null where the text is none. Understands 2025-03-03, 2025/3/3, 2025年3月3日,
  with or without a time, and ISO times with an offset (turned to local time, not cut off).
-#}
{% macro to_timestamp(column) -%}
{%- set text = "rtrim(translate(" ~ clean_text(column) ~ ", '年月/日时点分秒T', '--- :::  '), ' :')" -%}
case
    when {{ column }} is null then null
    -- 2025-03-03 10:22:01: as nearly all come, and without a regular expression
    when translate({{ column }}, '0123456789', '0000000000') = '0000-00-00 00:00:00'
        then case when pg_input_is_valid({{ column }}, 'timestamp') then ({{ column }})::timestamp end
    -- only forms that begin with a year: 'today' is valid to PostgreSQL, 3/4/2025 is two different days
    when {{ text }} !~ '^[0-9]{4}(-|[0-9]{4}( |$))' or not pg_input_is_valid({{ text }}, 'timestamp') then null
    when {{ text }} ~ ':[0-9.]+ *(Z|[+-][0-9]{2}(:?[0-9]{2})?)$' then ({{ text }})::timestamptz at time zone 'Asia/Shanghai'
    else ({{ text }})::timestamp
end
{%- endmacro %}

{% macro to_date(column) -%}
({{ to_timestamp(column) }})::date
{%- endmacro %}

{#-
  The unit of a limit as people write it. Hours exist in deployed systems and are kept as what they are, though no clock
  counts them; anything else is null, never assumed (the clock flags both).
-#}
{% macro to_limit_unit(column) -%}
case
    when {{ clean_text(column) }} in ('工作日', '个工作日') then 'working_days'
    when {{ clean_text(column) }} in ('日', '天', '自然日', '日历日') then 'calendar_days'
    when {{ clean_text(column) }} in ('工作小时', '工作时') then 'working_hours'
    when {{ clean_text(column) }} in ('小时', '自然小时', '时') then 'hours'
end
{%- endmacro %}

{#- A JSON list in text as a jsonb array; an empty one where the text is no list. -#}
{% macro json_list(column) -%}
case
    when pg_input_is_valid({{ column }}, 'jsonb') and jsonb_typeof({{ column }}::jsonb) = 'array' then {{ column }}::jsonb
    else '[]'::jsonb
end
{%- endmacro %}

{#-
  Where only days are known: a correction asked for on the day of acceptance and answered later came after the
  acceptance (place 5); otherwise it stands before its answer (3) and the acceptance (4).
-#}
{% macro same_day_correction_order(requested, answered, accepted) -%}
case when {{ requested }}::date = {{ accepted }}::date and coalesce({{ answered }}::date > {{ requested }}::date, true) then 5 else 2 end
{%- endmacro %}

{#- A day as Chinese prose has it: 2025年6月3日. -#}
{% macro chinese_date(column) -%}
to_char({{ column }}, 'FMYYYY"年"FMMM"月"FMDD"日"')
{%- endmacro %}
