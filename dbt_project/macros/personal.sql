{#-
  Personal data in marts are masked; the clear values of natural persons stand in the schema personal. Who is one: whose
  "credit code" is an identity card's number, or whose name is as short as people's are and does not end as an
  organisation's does. A short organisation that is masked does less harm than a person who is not.
-#}
{% macro is_person(name, credit_code) -%}
(
    coalesce({{ credit_code }} ~ '^{{ id_number_pattern() }}$', false)
    or coalesce(
        {{ name }} ~ '^([一-鿿]{2,4}|[一-鿿]+[·•．][一-鿿]+)$'
        and {{ name }} !~ '(局|院|所|厂|村|镇|乡|办|处|部|公司|集团|学校|中学|小学|大学|医院|中心|银行|政府|委|会|站|队|店|社|场)$',
        false
    )
)
{%- endmacro %}

{#- 张三丰 -> 张**; what is no person's name stays. -#}
{% macro mask_name(name, credit_code) -%}
case when {{ is_person(name, credit_code) }} then left({{ name }}, 1) || '**' else {{ name }} end
{%- endmacro %}

{#- An identity card's number -> its last four characters; a credit code stays. -#}
{% macro mask_id(code) -%}
case when {{ code }} ~ '^{{ id_number_pattern() }}$' then repeat('*', 14) || right({{ code }}, 4) else {{ code }} end
{%- endmacro %}

{#- Mobile numbers and identity cards' numbers within a text -> their last four characters. -#}
{% macro mask_text(text) -%}
regexp_replace(
    regexp_replace({{ text }}, '(?<![0-9A-Za-z]){{ id_number_pattern("([0-9]{3}[0-9Xx])") }}(?![0-9A-Za-z])', repeat('*', 14) || '\1', 'g'),
    '(?<![0-9])1[3-9][0-9]{5}([0-9]{4})(?![0-9])', repeat('*', 7) || '\1', 'g'
)
{%- endmacro %}

{#- A corrected value: a name where the field is one. -#}
{% macro mask_correction(field, value) -%}
case
    when {{ field }} in ('owner_name', 'applicant_name') then {{ mask_name(value, 'null') }}
    else {{ mask_text(value) }}
end
{%- endmacro %}

{#- Household photovoltaics bear the household's name. -#}
{% macro mask_project_name(name, is_household_pv) -%}
case when {{ is_household_pv }} then left({{ name }}, 1) || '**（户用光伏）' else {{ mask_text(name) }} end
{%- endmacro %}

{#- Region, date of birth, three digits and a check character. -#}
{% macro id_number_pattern(last="[0-9]{3}[0-9Xx]") -%}
[1-9][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01]){{ last }}
{%- endmacro %}
