{#- A name as people type it -> what is compared: half-width, upper case, no blanks, no punctuation. -#}
{% macro comparable_name(column) -%}
nullif(regexp_replace(translate(upper({{ half_width(column) }}), '（）【】〔〕“”‘’、，。：；·《》', ''), '[[:space:][:punct:]]', '', 'g'), '')
{%- endmacro %}

{#- The set of neighbouring pairs of characters of a comparable name, as an array; a name of one character is its own. -#}
{% macro bigrams(name) -%}
(
    select array_agg(distinct substr({{ name }}, position, 2))
    from generate_series(1, greatest(length({{ name }}) - 1, 1)) as position
)
{%- endmacro %}

{#-
  Likeness of two names, given as arrays of their pairs of characters, 0 to 1: Dice's coefficient. Works for Chinese, of
  which pg_trgm sees nothing in a database with the C locale.
-#}
{% macro name_similarity(pairs, other_pairs) -%}
(
    select round(2.0 * count(*) / (cardinality({{ pairs }}) + cardinality({{ other_pairs }})), 3)
    from (select unnest({{ pairs }}) intersect select unnest({{ other_pairs }})) as shared
)
{%- endmacro %}
