with months as (
    select * from {{ ref('int_case_months') }}
),

-- dates before 2000 stand in for one that nobody knew; where receipts are not recorded, acceptances are
by_month as (
    select
        month,
        greatest(sum(received_month__cases), sum(accepted_month__cases)) as case_count
    from months
    where month between date '2000-01-01' and {{ as_of() }}
    group by month
    having greatest(sum(received_month__cases), sum(accepted_month__cases)) > 0
),

usual as (
    select
        percentile_cont(0.5) within group (order by case_count) / 10 as enough,
        sum(case_count) < {{ var('minimum_n') }} as are_few
    from by_month
),

substantial as (
    select
        by_month.*,
        lead(by_month.month) over in_order as second_month,
        lead(by_month.month, 2) over in_order as third_month
    from by_month
    cross join usual
    where by_month.case_count >= usual.enough or usual.are_few
    window in_order as (order by by_month.month)
)

-- a mistyped date stands alone for years, or is few beside what a month usually brings
select min(substantial.month) as first_month
from substantial
cross join usual
where usual.are_few
    or (
        coalesce(substantial.second_month, substantial.month) <= substantial.month + interval '1 month'
        and coalesce(substantial.third_month, substantial.month) <= substantial.month + interval '2 months'
    )
    or (
        substantial.case_count >= {{ var('minimum_n') }}
        and substantial.second_month <= substantial.month + interval '1 year'
    )
