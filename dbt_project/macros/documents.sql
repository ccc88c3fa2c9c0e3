{#-
  A document number as people type it -> one spelling: half-width, no blanks, every bracket round, no 第, no leading
  zeros in the serial. 云示ZG〔2025〕012号 and 云示ＺＧ[2025]第12号 are one number. Null where it holds no number at all.
  A long translate() costs ten times a look whether it is needed.
-#}
{% macro canonical_document_number(column) -%}
{%- set halved = "case when " ~ column ~ " ~ '[０-９Ａ-Ｚ－＃　]' then " ~ half_width(column) ~ " else " ~ column ~ " end" -%}
{%- set typed = "translate(upper(" ~ halved ~ "), '〔〕［］【】[]（） 第' || e'\\t\\r\\n\\u00a0', '()()()()()')" -%}
case
    when {{ typed }} !~ '[1-9]' then null
    when {{ typed }} ~ '(^|[^0-9])0' then regexp_replace({{ typed }}, '(^|[^0-9])0+([1-9])', '\1\2', 'g')
    else {{ typed }}
end
{%- endmacro %}

{#- Result documents that permit nothing: an extended limit, a refusal, a request for papers. -#}
{% macro is_no_permit(title) -%}
coalesce({{ title }} ~ '延长|延期|不予|不同意|补正|终止|撤销|告知书', false)
{%- endmacro %}
