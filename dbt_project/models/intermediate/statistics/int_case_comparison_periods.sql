with periods as (
    select * from {{ ref('int_comparison_periods') }}
),

records as (
    select * from {{ ref('int_record_span') }}
),

-- what the base lacks at its beginning is left out of both periods
covered as (
    select
        periods.*,
        greatest(periods.base_from, records.first_month) as covered_from,
        records.first_month > periods.base_from as lacks_beginning
    from periods
    cross join records
    where records.first_month <= periods.base_to
)

select
    label || case when lacks_beginning then '（' || extract(month from covered_from) || '月起）' else '' end as label,
    covered_from as base_from,
    base_to,
    (now_from + age(covered_from, base_from))::date as now_from,
    now_to
from covered
