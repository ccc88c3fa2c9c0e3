"""Names and dates that a report mentions beside its figures: departments, reforms, what the marts cover."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from yidang.reports.figures import Figures, Period


@dataclass(frozen=True)
class Department:
    department_id: str
    name: str
    is_example: bool


@dataclass(frozen=True)
class Reform:
    """A catalogue item whose limits changed: `version` took over from `old_version` on `since`."""

    item_code: str
    item_name: str
    department_name: str
    old_version: str
    version: str
    since: date


# Asked once for the many files that may be written from the same figures.
_once = lru_cache(maxsize=4)


@_once
def departments(figures: Figures) -> tuple[Department, ...]:
    """Departments that handle cases, in the order of their ids."""
    rows = figures.read(
        """
        select department_id, department_name, is_example
        from {marts}.dim_department
        where department_name in (
            select slice from {marts}.agg_indicator
            where metric = 'cases_received' and dimension = 'department' and period_grain = 'all'
        )
        order by department_id
        """
    )
    return tuple(Department(*row) for row in rows)


@_once
def silent(figures: Figures, days: int) -> tuple[tuple[str, date], ...]:
    """Departments of which nothing happened in the last `days` days, with the day of what was last."""
    since = figures.snapshot.as_of - timedelta(days=days)
    # the months after that day say of most that they are not, without going through the cases
    rows = figures.read(
        """
        select department_name, max(greatest(received_date, accepted_date, closed_date)) as last_date
        from {marts}.fct_item_instance
        where department_id is not null and department_name in (
            select slice from {marts}.agg_indicator
            where metric in ('cases_received', 'cases_accepted', 'cases_decided') and dimension = 'department'
            group by slice
            having coalesce(max(period_start) filter (where period_grain = 'month' and n > 0), %s) <= %s
        )
        group by department_name
        having max(greatest(received_date, accepted_date, closed_date)) < %s
        order by department_name
        """,
        *[since] * 3,
    )
    return tuple((name, last) for name, last in rows)


def reforms(figures: Figures, period: Period) -> tuple[Reform, ...]:
    """Item versions that came into force in the period with a shorter promise than the version before.

    As dbt's int_item_reforms, which no reader may ask.
    """
    rows = figures.read(
        """
        select item_code, item_name, department_name, old_version, item_version, effective_from
        from (
            select
                dim_item.*,
                lag(item_version) over by_item as old_version,
                lag(promised_limit) over by_item as old_promised_limit,
                lag(promised_unit) over by_item as old_promised_unit
            from {marts}.dim_item
            where effective_from <= effective_to
            window by_item as (partition by item_code order by effective_from)
        ) as versions
        where promised_limit < old_promised_limit
            and promised_unit = old_promised_unit
            and effective_from between %s and %s
        order by effective_from, item_code
        """,
        period.first,
        period.last,
    )
    return tuple(Reform(*row) for row in rows)


def item_names(figures: Figures) -> list[str]:
    """What the catalogue calls its items, now or before: a template asks whether one is there before it names it."""
    return [name for (name,) in figures.read("select distinct item_name from {marts}.dim_item")]


def calendar(figures: Figures) -> Period:
    """The days of which it is known whether they are working days."""
    return Period(*figures.read("select min(date_day), max(date_day) from {marts}.dim_calendar")[0])


@_once
def records_from(figures: Figures) -> date:
    """The month, as its first day, from which on there are records of cases: not from one mistyped early date."""
    ((month,),) = figures.read("select records_from from {marts}.dim_build")
    return month or figures.snapshot.as_of.replace(day=1)


@_once
def received_between(figures: Figures) -> tuple[date, date]:
    """First and last day on which a case was received, or accepted where no receipt is recorded."""
    rows = figures.read(
        """
        select min(coalesce(received_date, accepted_date)), max(coalesce(received_date, accepted_date))
        from {marts}.fct_item_instance
        """
    )
    return rows[0]
