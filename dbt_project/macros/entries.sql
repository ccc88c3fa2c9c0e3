{#-
  When a step was first on record, where a file repeats the whole case each day it changes: the earliest entry time of
  the versions that hold the step. Without it every step of a closed case would seem to be written after its end.
-#}
{% macro first_entry(step, key) -%}
min(recorded_at) filter (where {{ step }} is not null) over (partition by {{ key }})
{%- endmacro %}
