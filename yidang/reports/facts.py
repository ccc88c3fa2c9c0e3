"""Names and dates that a report mentions beside its figures: departments, reforms, what the marts cover."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

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


def departments(figures: Figures) -> tuple[Department, ...]:
    """Departments that handle cases, in the order of their ids."""
    rows = figures.read(
        """
        select department_id, department_name, is_example
        from {marts}.dim_department
        where department_id in (select department_id from {marts}.fct_item_instance)
        order by department_id
        """
    )
    return tuple(Department(*row) for row in rows)


def silent(figures: Figures, days: int) -> tuple[tuple[str, date], ...]:
    """Departments of which nothing happened in the last `days` days, with the day of what was last."""
    rows = figures.read(
        """
        select department_name, max(greatest(received_date, accepted_date, closed_date)) as last_date
        from {marts}.fct_item_instance
        where department_id is not null
        group by department_name
        having max(greatest(received_date, accepted_date, closed_date)) < %s::date - %s
        order by department_name
        """,
        figures.snapshot.as_of,
        days,
    )
    return tuple((name, last) for name, last in rows)


def reforms(figures: Figures, period: Period) -> tuple[Reform, ...]:
    """Item versions that came into force in the period with a shorter promise than the version before."""
    rows = figures.read(
        """
        select item_code, item_name, department_name, old_version, item_version, valid_from
        from (
            select
                dim_item.*,
                lag(item_version) over by_item as old_version,
                lag(promised_limit) over by_item as old_promised_limit,
                lag(promised_unit) over by_item as old_promised_unit
            from {marts}.dim_item
            window by_item as (partition by item_code order by valid_from)
        ) as versions
        where promised_limit < old_promised_limit
            and promised_unit = old_promised_unit
            and valid_from between %s and %s
        order by valid_from, item_code
        """,
        period.first,
        period.last,
    )
    return tuple(Reform(*row) for row in rows)


def calendar(figures: Figures) -> Period:
    """The days of which it is known whether they are working days."""
    return Period(*figures.read("select min(date_day), max(date_day) from {marts}.dim_calendar")[0])


def received_between(figures: Figures) -> tuple[date, date]:
    """First and last day on which a case was received, or accepted where no receipt is recorded."""
    rows = figures.read(
        """
        select min(coalesce(received_date, accepted_date)), max(coalesce(received_date, accepted_date))
        from {marts}.fct_item_instance
        """
    )
    return rows[0]
