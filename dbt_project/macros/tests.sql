{#- Rows for which a statement about them is not true. -#}
{% test holds(model, expression, column_name=none) %}
select * from {{ model }} where not coalesce(({{ expression }}), false)
{% endtest %}

{% test unique_together(model, columns) %}
select {{ columns | join(', ') }} from {{ model }} group by {{ columns | join(', ') }} having count(*) > 1
{% endtest %}

{#- Nothing is lost or doubled where rows are added up: the sum of a column is an aggregate over what it sums. -#}
{% test adds_up_to(model, column, whole, expression) %}
select summed.total, counted.total as expected
from (select coalesce(sum({{ column }}), 0) as total from {{ model }}) as summed
cross join (select coalesce({{ expression }}, 0) as total from {{ whole }}) as counted
where summed.total <> counted.total
{% endtest %}
