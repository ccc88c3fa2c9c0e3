{{ config(indexes=[{'columns': ['date_day'], 'unique': true}, {'columns': ['working_day_number']}]) }}

with years as (
    select * from {{ ref('calendar_years') }}
),

exceptions as (
    select * from {{ ref('calendar_exceptions') }}
),

overrides as (
    select * from {{ ref('calendar_district_overrides') }}
),

-- only years whose notice is loaded: a day without a notice has no number, never a guessed one
days as (
    select
        day::date as date_day,
        years.notice
    from years
    cross join lateral generate_series(
        make_date(years.calendar_year, 1, 1), make_date(years.calendar_year, 12, 31), interval '1 day'
    ) as day
),

classified as (
    select
        days.date_day,
        days.notice,
        coalesce(overrides.reason, exceptions.holiday_name) as holiday_name,
        coalesce(overrides.is_working, exceptions.is_working, isodow < 6) as is_working_day,
        isodow < 6 as is_weekday
    from days
    cross join lateral (select extract(isodow from days.date_day) as isodow) as week
    left join exceptions using (date_day)
    left join overrides using (date_day)
),

versioned as (
    -- the version changes with any day, so a figure names the calendar it was counted by
    select max(extract(year from date_day))::text || '-' || left(md5(string_agg(is_working_day::text, '' order by date_day)), 6)
        as calendar_version
    from classified
)

select
    classified.date_day,
    classified.is_working_day,
    -- how many working days there were up to and including this day: wd(a, b] is a subtraction of two of these
    (count(*) filter (where is_working_day) over (order by date_day))::integer as working_day_number,
    case
        when is_working_day and is_weekday then 'working'
        when is_working_day then 'makeup'
        when holiday_name is not null then 'holiday'
        else 'weekend'
    end as day_kind,
    classified.holiday_name,
    versioned.calendar_version,
    nullif(classified.notice, '') as notice
from classified
cross join versioned
