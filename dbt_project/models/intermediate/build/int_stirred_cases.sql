{#-
  Each way in which a case's events, or what is known of it, can come out otherwise than in the last build. Rather a case
  too many than one too few: such a case is computed from everything that is known of it, with or without need.
-#}

with build as (
    select * from {{ ref('int_build') }}
),

-- narrow: it is read several times
cases as (
    select
        case_id,
        project_code,
        works_code
    from {{ ref('int_cases') }}
),
{%- if var('only_changed', false) %}

-- what is known of the case itself: its project and tier, limits, item, corrections, and whether it is there at all
described_otherwise as (
    select key as case_id
    from {{ changed_rows('int_cases') }} as changed
),

-- the catalogue gives limits, stages and the names by which cases and permits find their item
catalogue_changed as (
    select case_id
    from (
        select case_id from cases
        union all
        -- a permit of a case that nobody sent is told by the catalogue what it permits
        select case_id from {{ previous('int_case_permits') }}
        where not has_case
    ) as known
    where {{ catalogue_differs() }}
),

about_it_changed as (
    select cases.case_id
    from cases
    inner join {{ changed_rows('int_projects') }} as changed on changed.key = cases.project_code
    union all
    select cases.case_id
    from cases
    inner join {{ changed_rows('int_works') }} as changed on changed.key = cases.works_code
    union all
    -- permits of cases that nobody describes hang on the project they name
    select permits.case_id
    from {{ previous('int_case_permits') }} as permits
    where not permits.has_case
        and (
            exists (select 1 from {{ changed_rows('int_projects') }} as changed)
            or exists (select 1 from {{ changed_rows('int_works') }} as changed)
        )
),

-- what a row of the national standard was about before counts as well as what it is about now
sent_rows as (
    {{ spgl_new_instances(['spgl_xmspsxblxxxxb', 'spgl_xmspsxbltbcxxxb', 'spgl_xmspsxpfwjxxb']) }}
),

sent_otherwise as (
    select key as case_id
    from {{ changed_rows('int_feed_case_events') }} as changed
    union all
    select key
    from {{ changed_rows('int_feed_permits') }} as changed
),

corrected_events as (
    select content ->> 'case_id' as case_id
    from {{ changed_rows('int_corrections') }} as changed
    where content ->> 'entity' = 'event'
),

-- the day moves: events between the two days come to count or cease to
events_of_these_days as (
    select case_id
    from {{ previous('int_events') }}
    where event_number is null
        and {{ between_days('event_at') }}
    union all
    select case_id
    from {{ previous('int_item_instances') }}
    where last_event_at::date > {{ as_of() }}
),

stirred as (
    select case_id from described_otherwise
    union
    select case_id from catalogue_changed
    union
    select case_id from about_it_changed
    union
    select case_id from sent_rows
    union
    select case_id from sent_otherwise
    union
    select case_id from corrected_events
    union
    select case_id from events_of_these_days
)

select case_id
from stirred
cross join build
where case_id != ''
{%- else %}

items as (
    select * from {{ ref('int_items') }}
),

feed_events as (
    select * from {{ ref('int_feed_case_events') }}
),

feed_permits as (
    select * from {{ ref('int_feed_permits') }}
),

corrections as (
    select * from {{ ref('int_corrections') }}
),

projects as (
    select * from {{ ref('int_projects') }}
),

works as (
    select * from {{ ref('int_works') }}
)

select case_id
from cases
cross join build
where false
{%- endif %}
