{#- Joins the colour and the word that var('palette') has for a state, as a relation named after the kind of state. -#}
{% macro join_palette(state_kind, state) -%}
left join {{ ref('palettes') }} as {{ state_kind }}
    on {{ state_kind }}.palette = '{{ var('palette') }}'
    and {{ state_kind }}.state_kind = '{{ state_kind }}'
    and {{ state_kind }}.state = coalesce({{ state }}, 'none')
{%- endmacro %}
