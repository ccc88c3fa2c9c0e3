-- Every milestone of the seed is a column of projects and 工程, and no column stands for a milestone that is not there.
with seeded as (
    select milestone from {{ ref('milestones') }}
),

shown as (
    select milestone
    from unnest(array[{% for milestone in milestones() %}'{{ milestone.name }}'{% if not loop.last %}, {% endif %}{% endfor %}]) as milestone
)

select coalesce(seeded.milestone, shown.milestone) as milestone
from seeded
full join shown using (milestone)
where seeded.milestone is null or shown.milestone is null
