{#-
  A project code or works code as people type it -> one spelling: 24 characters YYMM-RRRRRR-DD-TT-NNNNNC, then
  -serial for a works code. Full-width signs, blanks, '#', dots, missing dashes and the letter O are mended.
  What does not look like a code comes back cleaned but otherwise as it is; what stands for "none" (无, 0000, a code of
  zeros) is null.
-#}
{% macro canonical_code(column) -%}
{%- set typed = "regexp_replace(translate(upper(" ~ half_width(column) ~ "), '#—–_.', '-----'), '\\s', '', 'g')" -%}
{%- set zeroed = "replace(" ~ typed ~ ", 'O', '0')" -%}
case
    -- nearly all are right as they came
    when {{ column }} ~ '^[0-9]{4}-[0-9]{6}-[0-9]{2}-[0-9]{2}-[0-9]{6}(-[0-9A-NP-Z]+)?$' and {{ column }} !~ '^[0-]+$' then {{ column }}
    when {{ typed }} ~ '{{ stand_in_pattern() }}' then null
    when {{ zeroed }} ~ '^[0-9]{4}-?[0-9]{6}-?[0-9]{2}-?[0-9]{2}-?[0-9]{6}(-[0-9A-Z]+)?$'
        then regexp_replace(
            {{ zeroed }},
            '^([0-9]{4})-?([0-9]{6})-?([0-9]{2})-?([0-9]{2})-?([0-9]{6})((-[0-9A-Z]+)?)$',
            '\1-\2-\3-\4-\5\6'
        )
    else {{ typed }}
end
{%- endmacro %}

{#- What people write where a value is required and none is known; matches cleaned upper-case text as a whole. -#}
{% macro stand_in_pattern() -%}
^([0O/*-]*|无|暂无|没有|未知|不详|待定|待补|空|NULL|NONE|NA|N/A)$
{%- endmacro %}

{#- The project code at the head of a canonical works code (or of a project code itself); null where there is none. -#}
{% macro project_prefix(code) -%}
case
    -- no regular expression: it is asked several times of every case
    when {{ code }} like '____-______-__-__-______%' and translate(left({{ code }}, 24), '0123456789', '') = '----'
        then left({{ code }}, 24)
end
{%- endmacro %}

{#-
  The 工程 of what belongs to `project`: the registered one that it names, or one by a code that begins with the project's;
  a code of another project, or none of the kind (001), names no 工程, and the project itself stands in its place.
-#}
{% macro works_of_project(project, known, project_of_known, given) -%}
case
    when {{ project }} is null or ({{ known }} is not null and coalesce({{ project_of_known }}, {{ project }}) = {{ project }})
        then coalesce({{ known }}, {{ given }})
    when {{ project_prefix(given) }} = {{ project }} then {{ given }}
    else {{ project }}
end
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

{#- A 统一社会信用代码 as people type it -> 18 (formerly 15 or 9) characters; null where it stands for "none". -#}
{% macro canonical_credit_code(column) -%}
{%- set typed = "regexp_replace(upper(" ~ half_width(column) ~ "), '[\\s.—–_-]', '', 'g')" -%}
case when {{ typed }} !~ '{{ stand_in_pattern() }}' then {{ typed }} end
{%- endmacro %}

{#-
  Do both check characters of a canonical credit code fit (GB 32100-2015)? Character 18 over the 17 before it, and
  character 17 over the organisation's own number, characters 9 to 16 (GB 11714). Old numbers of 15 or 9 are not valid.
-#}
{% macro has_valid_credit_code(code) -%}
{%- set alphabet = '0123456789ABCDEFGHJKLMNPQRTUWXY' -%}
{%- set organisation_alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ' -%}
{%- set organisation_weights = [3, 7, 9, 10, 5, 8, 4, 2] -%}
case
    when {{ code }} ~ '^[0-9A-HJ-NP-RTUWXY]{8}[0-9A-Z]{8}[0-9X][0-9A-HJ-NP-RTUWXY]$' and {{ code }} !~ '[IOZSV]'
        then
            substr({{ code }}, 18, 1) = substr('{{ alphabet }}', (31 - (
                {%- for position in range(17) %}
                (strpos('{{ alphabet }}', substr({{ code }}, {{ position + 1 }}, 1)) - 1) * {{ 3 ** position % 31 }}{{ ' +' if not loop.last }}
                {%- endfor %}
            ) % 31) % 31 + 1, 1)
            and substr({{ code }}, 17, 1) = substr('0123456789X0', 12 - (
                {%- for weight in organisation_weights %}
                (strpos('{{ organisation_alphabet }}', substr({{ code }}, {{ loop.index + 8 }}, 1)) - 1) * {{ weight }}{{ ' +' if not loop.last }}
                {%- endfor %}
            ) % 11, 1)
    else false
end
{%- endmacro %}
