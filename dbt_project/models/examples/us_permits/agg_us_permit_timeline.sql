with mature_permits as (

    select * from {{ ref('fct_us_permit') }} where is_in_mature_cohort

),

grouped as (

    select
        mature_permits.city,
        groups.dimension,
        groups.group_name,
        mature_permits.days_to_issue,
        row_number() over one_group - 1 as position,
        count(*) over (partition by mature_permits.city, groups.dimension, groups.group_name) as permit_count
    from mature_permits
    cross join lateral (
        values
            ('overall', 'all'),
            ('review_track', review_track),
            ('project', project_kind),
            ('permit_type_group', permit_type_group),
            ('project_and_permit_type', project_kind || '|' || permit_type_group)
    ) as groups (dimension, group_name)
    where groups.group_name is not null
    window one_group as (
        partition by mature_permits.city, groups.dimension, groups.group_name
        order by mature_permits.days_to_issue
    )

),

-- Percentiles are the order statistic sorted[floor(p * n)], counted from 0; shares are rounded half up. This is what
-- the published figures follow; the publisher's own description ("quantile type 1") gives another element when p * n
-- is a whole number.
figures as (

    select
        city,
        dimension,
        group_name,
        permit_count,
        {% for name, share in [('p25', '0.25'), ('median', '0.50'), ('p75', '0.75'), ('p90', '0.90')] -%}
        max(days_to_issue) filter (where position = floor({{ share }} * permit_count)) as {{ name }}_days,
        {% endfor -%}
        {% for days in [30, 60, 90, 180, 365] -%}
        floor(100.0 * count(*) filter (where days_to_issue <= {{ days }}) / permit_count + 0.5)::integer
            as within_{{ days }}_percent{{ "," if not loop.last }}
        {% endfor -%}
    from grouped
    group by city, dimension, group_name, permit_count

)

-- Fewer than 30 permits say too little: the group is listed with its size and without figures.
select
    city,
    dimension,
    group_name,
    permit_count,
    permit_count < 30 as is_suppressed,
    {% for name in ['p25_days', 'median_days', 'p75_days', 'p90_days',
                    'within_30_percent', 'within_60_percent', 'within_90_percent', 'within_180_percent',
                    'within_365_percent'] -%}
    case when permit_count >= 30 then {{ name }} end as {{ name }}{{ "," if not loop.last }}
    {% endfor %}
from figures
