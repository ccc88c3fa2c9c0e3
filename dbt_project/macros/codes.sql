{#-
  A project code or works code as people type it -> one spelling: 24 characters YYMM-RRRRRR-DD-TT-NNNNNC, then
  -serial for a works code. Full-width signs, blanks, '#', dots, missing dashes and the letter O are mended.
  What does not look like a code comes back cleaned but otherwise as it is.
-#}
{% macro canonical_code(column) -%}
{%- set typed = "regexp_replace(translate(upper(" ~ half_width(column) ~ "), '#—–_.', '-----'), '\\s', '', 'g')" -%}
{%- set zeroed = "replace(" ~ typed ~ ", 'O', '0')" -%}
case
    when {{ zeroed }} ~ '^[0-9]{4}-?[0-9]{6}-?[0-9]{2}-?[0-9]{2}-?[0-9]{6}(-[0-9A-Z]+)?$'
        then regexp_replace(
            {{ zeroed }},
            '^([0-9]{4})-?([0-9]{6})-?([0-9]{2})-?([0-9]{2})-?([0-9]{6})((-[0-9A-Z]+)?)$',
            '\1-\2-\3-\4-\5\6'
        )
    else nullif({{ typed }}, '')
end
{%- endmacro %}

{#- The project code at the head of a canonical works code (or of a project code itself); null where there is none. -#}
{% macro project_prefix(code) -%}
substring({{ code }} from '^[0-9]{4}-[0-9]{6}-[0-9]{2}-[0-9]{2}-[0-9]{6}')
{%- endmacro %}

{#- Codes since November 2020 carry YYMM; the old ones carry a year, whose last two digits are no month. -#}
{% macro has_old_code_format(code) -%}
(substring({{ code }} from 3 for 2) not between '01' and '12')
{%- endmacro %}

{#-
  Does the check digit of a canonical project code fit? ISO 7064 MOD 11,10 over the 19 digits before it. The
  recurrence is written out as one expression; (x + 9) % 10 + 1 is "x mod 10, or 10 where that is 0".
-#}
{% macro has_valid_check_digit(code) -%}
{%- set digits = "replace(" ~ code ~ ", '-', '')" -%}
{%- set state = namespace(product='10') -%}
{%- for position in range(1, 20) -%}
    {%- set state.product = "(2 * (((" ~ state.product ~ " + substr(" ~ digits ~ ", " ~ position ~ ", 1)::integer + 9) % 10) + 1) % 11)" -%}
{%- endfor -%}
case
    when {{ code }} ~ '^[0-9]{4}-[0-9]{6}-[0-9]{2}-[0-9]{2}-[0-9]{6}$'
        then substr({{ digits }}, 20, 1)::integer = (11 - {{ state.product }}) % 10
    else false
end
{%- endmacro %}
