{#-
  The last version of each case, where a file repeats the whole case each day it changes, and when each of its steps was
  first on record (received_at gives received_recorded_at): the earliest entry time of the versions that hold the step.
  Without it every step of a closed case would seem to be written after its end.
-#}
{% macro last_version_with_entries(versions, key, steps) -%}
select * from (
    select
        {{ versions }}.*,
        {%- for step in steps %}
        min(recorded_at) filter (where {{ step }} is not null) over (partition by {{ key }})
            as {{ step | replace('_at', '_recorded_at') }},
        {%- endfor %}
        row_number() over (partition by {{ key }} order by batch_id desc, row_number desc) as recency
    from {{ versions }}
) as entered
where recency = 1
{%- endmacro %}
