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

loaded_notices as (
    select * from {{ source('landing', 'calendar_notice') }}
),

loaded_days as (
    select * from {{ source('landing', 'calendar_day') }}
),

-- what this release knows, and what `yidang calendar load` has added
notices as (
    select
        'national' as scope,
        calendar_year,
        nullif(notice, '') as notice,
        valid_from,
        null::bigint as notice_id
    from years
    union all
    select
        scope,
        calendar_year,
        notice,
        published_on as valid_from,
        notice_id
    from loaded_notices
),

-- the notice published last governs its year; a year without a notice's number rests on a package alone
latest as (
    select distinct on (scope, calendar_year) notices.*
    from notices
    order by scope, calendar_year, notice is not null desc, valid_from desc, notice_id desc nulls last
),

-- a notice may name days of the December before its year: the later notice governs them
national_days as (
    select distinct on (date_day)
        named.*
    from (
        select
            latest.calendar_year,
            exceptions.date_day,
            exceptions.is_working,
            exceptions.holiday_name
        from latest
        inner join exceptions on extract(year from exceptions.date_day) = latest.calendar_year
        where latest.scope = 'national' and latest.notice_id is null
        union all
        select
            latest.calendar_year,
            loaded_days.date_day,
            loaded_days.is_working,
            loaded_days.holiday_name
        from latest
        inner join loaded_days using (notice_id)
        where latest.scope = 'national'
    ) as named
    order by date_day, calendar_year desc
),

-- a district's file for a year replaces what the seed says about that year
district_days as (
    select
        loaded_days.date_day,
        loaded_days.is_working,
        loaded_days.holiday_name as reason
    from latest
    inner join loaded_days using (notice_id)
    where latest.scope = 'district'
    union all
    select
        overrides.date_day,
        overrides.is_working,
        overrides.reason
    from overrides
    left join latest
        on latest.scope = 'district'
        and latest.calendar_year = extract(year from overrides.date_day)
    where latest.calendar_year is null
),

-- only years whose notice is loaded: a day without a notice has no number, never a guessed one
days as (
    select
        day::date as date_day,
        latest.notice,
        latest.valid_from as notice_valid_from
    from latest
    cross join lateral generate_series(
        make_date(latest.calendar_year, 1, 1), make_date(latest.calendar_year, 12, 31), interval '1 day'
    ) as day
    where latest.scope = 'national'
),

classified as (
    select
        days.date_day,
        days.notice,
        days.notice_valid_from,
        coalesce(district_days.reason, national_days.holiday_name) as holiday_name,
        coalesce(district_days.is_working, national_days.is_working, isodow < 6) as is_working_day,
        isodow < 6 as is_weekday,
        district_days.date_day is not null as is_district_rule
    from days
    cross join lateral (select extract(isodow from days.date_day) as isodow) as week
    left join national_days using (date_day)
    left join district_days using (date_day)
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
    classified.notice,
    classified.notice_valid_from,
    classified.is_district_rule
from classified
cross join versioned
