"""Two cohorts of accepted cases, from what dbt counted: their months, their groups, their estimate, their row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas
import psycopg

from yidang.metrics import MINIMUM_N
from yidang.statistics import observations
from yidang.statistics.change import (
    BASE,
    NOW,
    Change,
    Cohorts,
    Groups,
    caps,
    compare,
    percentile_interval,
    resample,
)
from yidang.statistics.incidence import OPEN, WITHDRAWN
from yidang.statistics.observations import STATES, UNKNOWN, Stamp
from yidang.statistics.speed import CAP_DAYS
from yidang.statistics.tables import naive_leaves_out, number

# Each build draws the same projects: a figure that changes has changed because the data did.
SEED, REPLICATES = 20180518, 400
_OBSERVATIONS = f"""
select
    cohort_month,
    coalesce(department_id, '{UNKNOWN}') as department_id,
    coalesce(stage_number::text, '{UNKNOWN}') as stage_number,
    coalesce(flow_type, '{UNKNOWN}') as flow_type,
    coalesce(item_code, '{UNKNOWN}') as item_code,
    coalesce(item_version, '{UNKNOWN}') as item_version,
    is_on_the_spot::integer as is_on_the_spot,
    project_key,
    coalesce(state, exclusion_reason) as state,
    coalesce(elapsed_working_days, 0) as day,
    count(*) as cases
from int_speed_observations
where cohort_month is not null
group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
"""  # noqa: S608
_TYPES = {
    "cohort_month": "date",
    **dict.fromkeys(
        ("department_id", "stage_number", "flow_type", "item_code", "item_version", "project_key", "state"), "category"
    ),
    **dict.fromkeys(("is_on_the_spot", "day", "cases"), "int64"),
}


@dataclass(frozen=True)
class Windows:
    """First and last month of the base and of what is compared with it, each as its first day."""

    base_from: date
    base_to: date
    now_from: date
    now_to: date

    def cut(self, as_of: date) -> Windows | None:
        """Without the months that are not over by as_of, nor their fellows in the base; None if nothing is left."""
        first_not_over = (as_of + timedelta(days=1)).replace(day=1)
        missing = max(_month(self.now_to) + 1 - _month(first_not_over), 0)
        base_to, now_to = (months_later(last, -missing) for last in (self.base_to, self.now_to))
        cut = Windows(self.base_from, base_to, self.now_from, now_to)
        return cut if cut.base_from <= cut.base_to and cut.now_from <= cut.now_to else None

    def choose(self, observed: pandas.DataFrame) -> pandas.DataFrame:
        """The rows of both cohorts, with their period."""
        month = observed["cohort_month"]
        in_base = month.between(pandas.Timestamp(self.base_from), pandas.Timestamp(self.base_to))
        in_now = month.between(pandas.Timestamp(self.now_from), pandas.Timestamp(self.now_to))
        chosen = in_base | in_now
        return observed[chosen].assign(period=np.where(in_now[chosen], NOW, BASE))


@dataclass(frozen=True)
class Compared:
    """Two cohorts by group, and what needs no estimate: arrays by group, period and end.

    keys: what each group is: the column that it goes by (None: all cases) and its value there.
    """

    keys: list[tuple[str | None, str]]
    cohorts: Cohorts
    groups: Groups
    ends: np.ndarray  # (groups, 2, ends)
    decided_days: np.ndarray  # (groups, 2): net working days of the decided
    excluded: list[dict[str, int]]

    @property
    def cases(self) -> np.ndarray:
        """(groups, 2)"""
        return self.ends.sum(-1)

    @property
    def is_enough(self) -> np.ndarray:
        """Whether a group's figures may be shown; else 样本不足."""
        return (self.cases >= MINIMUM_N).all(-1)


@dataclass(frozen=True)
class Estimate:
    """change, cap: by group. values, lower, upper: what was asked of the change, by part and group."""

    change: Change
    cap: np.ndarray
    values: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    def columns(self, name: str, part: int, place: int, is_shown: bool) -> dict:
        """A value and its interval as three columns: x_days, x_lower, x_upper (or x_share, x_share_lower, …)."""
        stem = name.removesuffix("_days")
        return {
            name: number(self.values[part, place], is_shown),
            f"{stem}_lower": number(self.lower[part, place], is_shown),
            f"{stem}_upper": number(self.upper[part, place], is_shown),
        }


def read(connection: psycopg.Connection) -> pandas.DataFrame:
    return observations.read(connection, _OBSERVATIONS, **_TYPES)


def arrange(table: pandas.DataFrame, strata: list[str], slices: list[str | None]) -> Compared | None:
    """The cohorts of Windows.choose by strata, and as groups every value of each column of `slices`.

    Every column of `slices` must be one of `strata`. None if no case has a clock.
    """
    end = table["state"].astype(str).map(STATES)
    clocked = table[end.notna()].assign(end=end[end.notna()].astype(int))
    if clocked.empty:
        return None
    stratum = clocked.groupby(strata, sort=True, observed=True).ngroup().to_numpy()
    known = clocked[strata].assign(stratum=stratum).drop_duplicates("stratum").sort_values("stratum")
    keys: list[tuple[str | None, str]] = []
    pairs: list[tuple[int, int]] = []
    for column in slices:
        values = known[column].astype(str) if column else pandas.Series("all", index=known.index)
        for key in sorted(values.unique()):
            pairs += [(len(keys), place) for place in known.loc[values == key, "stratum"]]
            keys.append((column, key))
    groups = Groups.of(pairs)
    cohorts = Cohorts(
        stratum=stratum,
        period=clocked["period"].to_numpy(),
        project=pandas.factorize(clocked["project_key"], sort=True)[0],
        day=clocked["day"].to_numpy(),
        end=clocked["end"].to_numpy(),
        cases=clocked["cases"].to_numpy(),
    )
    shape = (len(known), 2, OPEN + 1)
    place = np.ravel_multi_index((stratum, cohorts.period, cohorts.end), shape)
    ends = np.bincount(place, cohorts.cases, np.prod(shape)).reshape(shape)
    days = np.bincount(place, cohorts.cases * cohorts.day, np.prod(shape)).reshape(shape)[..., :WITHDRAWN].sum(-1)
    excluded = table[end.isna()]
    return Compared(
        keys=keys,
        cohorts=cohorts,
        groups=groups,
        ends=groups.total(ends[groups.stratum]).astype(int),
        decided_days=groups.total(days[groups.stratum]),
        excluded=[
            _reasons(excluded if column is None else excluded[excluded[column].astype(str) == key])
            for column, key in keys
        ],
    )


def estimate(compared: Compared, parts: Callable[[Change], np.ndarray]) -> Estimate:
    """The change of each group, what `parts` makes of it (parts × groups), and the interval of that."""
    counts = compared.cohorts.counts(CAP_DAYS)
    cap = caps(counts, compared.groups)
    change = compare(counts, compared.groups, cap)
    with np.errstate(invalid="ignore", divide="ignore"):  # a base of no days (即办) has no share saved
        drawn = resample(compared.cohorts, compared.groups, cap, parts, replicates=REPLICATES, seed=SEED)
        return Estimate(change, cap, parts(change), *percentile_interval(drawn))


def counts_columns(compared: Compared, found: Estimate, place: int) -> dict:
    cases, excluded = compared.cases[place], compared.excluded[place]
    return {
        "base_case_count": int(cases[BASE]),
        "now_case_count": int(cases[NOW]),
        "base_open_count": int(compared.ends[place, BASE, OPEN]),
        "now_open_count": int(compared.ends[place, NOW, OPEN]),
        "excluded_count": sum(excluded.values()),
        "excluded_by_reason": excluded,
        "is_suppressed": not compared.is_enough[place],
        "mean_cap_days": int(found.cap[place]),
    }


def naive_columns(compared: Compared, place: int, mix: float = 0.0) -> dict:
    """The mean of the decided cases of each cohort, and why it is not the answer. mix: days due to composition."""
    decided = compared.ends[place, :, :WITHDRAWN].sum(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.where(decided >= MINIMUM_N, compared.decided_days[place] / decided, np.nan)
    base, now = (naive_leaves_out(compared.ends[place, period]) for period in (BASE, NOW))
    return {
        "naive_base_mean_days": number(means[BASE]),
        "naive_now_mean_days": number(means[NOW]),
        "naive_change_days": number(means[NOW] - means[BASE]),
        "naive_leaves_out": f"基期{base}；现期{now}" + (f"；其中构成变化{mix:+.1f}天" if abs(mix) >= 0.05 else ""),
    }


def stamp_columns(stamp: Stamp) -> dict:
    return vars(stamp) | {"seed": SEED, "replicates": REPLICATES}


def months_later(day: date, months: int) -> date:
    """The first day of the month so many months after the one of `day`."""
    year, month = divmod(_month(day) + months, 12)
    return date(year, month + 1, 1)


def _month(day: date) -> int:
    return day.year * 12 + day.month - 1


def _reasons(excluded: pandas.DataFrame) -> dict[str, int]:
    found = excluded.groupby(excluded["state"].astype(str))["cases"].sum()
    return {str(reason): int(cases) for reason, cases in found.items()}
