"""agg_speed and agg_cumulative_incidence: how soon the cases accepted in a period were decided, slice by slice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas
import psycopg

from yidang.metrics import MINIMUM_N
from yidang.statistics import observations
from yidang.statistics.incidence import (
    ON_TIME,
    OPEN,
    WITHDRAWN,
    Incidence,
    capped_mean,
    cumulative_incidence,
    interval,
    percentile_day,
)
from yidang.statistics.observations import STATES, UNKNOWN, Stamp
from yidang.statistics.tables import naive_leaves_out, number, whole

# Half a year of working days: beyond it a case is only known to take longer.
CURVE_DAYS = 120
# Means are capped at six weeks of working days, so that a stuck or withheld case cannot outweigh all others.
CAP_DAYS = 30
_PERCENTILES = {"p50": 0.50, "p80": 0.80, "p90": 0.90}
_PERIODS = {"year": "Y", "quarter": "Q", "month": "M"}
_QUERY = f"""
select
    cohort_month,
    case
        when grouping(department_id) = 0 then 'department'
        when grouping(stage_number) = 0 then 'stage'
        when grouping(flow_type) = 0 then 'flow_type'
        when grouping(item_code) = 0 then 'item'
        else 'all'
    end as slice_kind,
    case
        when grouping(department_id, stage_number, flow_type, item_code) = 15 then 'all'
        else coalesce(department_id, stage_number::text, flow_type, item_code, '{UNKNOWN}')
    end as slice_key,
    coalesce(state, exclusion_reason) as state,
    coalesce(has_promise, false)::integer as has_promise,
    coalesce(least(elapsed_working_days, {CURVE_DAYS + 1}), 0) as day,
    count(*) as cases,
    coalesce(sum(elapsed_working_days), 0) as days
from int_speed_observations
group by
    cohort_month, state, exclusion_reason, has_promise, least(elapsed_working_days, {CURVE_DAYS + 1}),
    grouping sets ((), (department_id), (stage_number), (flow_type), (item_code))
order by slice_kind, slice_key, cohort_month, state, has_promise, day
"""  # noqa: S608

_TYPES = {
    "cohort_month": "date",
    **dict.fromkeys(("slice_kind", "slice_key", "state"), "category"),
    **dict.fromkeys(("has_promise", "day", "cases"), "int64"),
    "days": "float64",
}


@dataclass(frozen=True)
class Slice:
    kind: str
    key: str
    name: str


@dataclass(frozen=True)
class Cohort:
    """Cases accepted from the month `start` to the month `end` (their first days; None when there is none)."""

    kind: str
    start: date | None
    end: date | None


@dataclass(frozen=True)
class Observed:
    """One cohort in several slices; arrays by slice.

    counts: (slices, days + 1, ends); who took longer is open on the last day. promised: the same, of cases that have a
    promise. ends: (slices, ends), however long it took. decided_days: net working days of the decided in all.
    excluded: cases by reason.
    """

    counts: np.ndarray
    promised: np.ndarray
    ends: np.ndarray
    decided_days: np.ndarray
    excluded: list[dict[str, int]]


def rows(connection: psycopg.Connection, stamp: Stamp) -> tuple[list[dict], list[dict]]:
    """The rows of agg_speed and of agg_cumulative_incidence."""
    table = observations.read(connection, _QUERY, **_TYPES)
    if table.empty:
        return [], []
    names = observations.names(connection)
    keys = table[["slice_kind", "slice_key"]].astype(str).drop_duplicates()
    slices = [Slice(kind, key, names.get((kind, key), key)) for kind, key in keys.itertuples(index=False)]
    speed, curves = [], []
    for cohort, observed in _cohorts(table, slices):
        speed += speed_rows(cohort, slices, observed, stamp)
        if cohort.kind in ("all", "year"):
            curves += curve_rows(cohort, slices, observed, stamp)
    return speed, curves


def speed_rows(cohort: Cohort, slices: list[Slice], observed: Observed, stamp: Stamp) -> Iterator[dict]:
    """One row per slice that has cases. Fewer than MINIMUM_N cases show their number and nothing else (样本不足)."""
    curves, promised = cumulative_incidence(observed.counts), cumulative_incidence(observed.promised)
    band = interval(curves.decided, observed.counts)
    on_time = promised.on_time[:, -1]
    on_time_band = interval(promised.on_time, observed.promised, ends=(ON_TIME,))
    days = {
        name: [percentile_day(curve, share) for curve in (curves.decided, band.upper, band.lower)]
        for name, share in _PERCENTILES.items()
    }
    mean = capped_mean(curves, CAP_DAYS)
    km_median = percentile_day(curves.kaplan_meier, 0.5)
    ends, promised_cases = observed.ends, observed.promised.sum((1, 2)).astype(int)
    for place, part in enumerate(slices):
        cases, decided = int(ends[place].sum()), int(ends[place, :WITHDRAWN].sum())
        excluded = observed.excluded[place]
        if not cases and not excluded:
            continue
        is_enough, may_judge = cases >= MINIMUM_N, promised_cases[place] >= MINIMUM_N
        row = {**_head(cohort, part), "case_count": cases, "decided_count": decided}
        row |= {"withdrawn_count": int(ends[place, WITHDRAWN]), "open_count": int(ends[place, OPEN])}
        row |= {
            "excluded_count": sum(excluded.values()),
            "excluded_by_reason": excluded,
            "is_suppressed": not is_enough,
        }
        for name, (day, soonest, latest) in days.items():
            row[f"{name}_days"], row[f"{name}_lower"], row[f"{name}_upper"] = (
                whole(values[place], is_enough) for values in (day, soonest, latest)
            )
            row[f"is_{name}_reached"] = bool(np.isfinite(day[place])) if is_enough else None
        row["km_p50_days"] = whole(km_median[place], is_enough)
        row["mean_days"], row["mean_cap_days"] = number(mean[place], is_enough), CAP_DAYS
        row |= {"promised_count": int(promised_cases[place]), "on_time_share": number(on_time[place], may_judge)}
        row["on_time_lower"] = number(on_time_band.lower[place, -1], may_judge)
        row["on_time_upper"] = number(on_time_band.upper[place, -1], may_judge)
        naive = observed.decided_days[place] / decided if decided >= MINIMUM_N else np.nan
        row |= {"naive_mean_days": number(naive), "naive_leaves_out": naive_leaves_out(ends[place])}
        yield row | vars(stamp)


def curve_rows(cohort: Cohort, slices: list[Slice], observed: Observed, stamp: Stamp) -> Iterator[dict]:
    """One row per slice and day, as long as anybody is on the clock."""
    curves = cumulative_incidence(observed.counts)
    promised: Incidence = cumulative_incidence(observed.promised)
    lower, upper = interval(curves.decided, observed.counts)
    cases, promised_cases = observed.counts.sum((1, 2)), observed.promised.sum((1, 2))
    for place, part in enumerate(slices):
        if cases[place] < MINIMUM_N:
            continue
        head = _head(cohort, part) | {"case_count": int(cases[place])} | vars(stamp)
        for day in range(np.count_nonzero(curves.at_risk[place])):
            yield head | {
                "day": day,
                "at_risk_count": int(curves.at_risk[place, day]),
                "decided_share": number(curves.decided[place, day]),
                "decided_lower": number(lower[place, day]),
                "decided_upper": number(upper[place, day]),
                "on_time_share": number(promised.on_time[place, day], promised_cases[place] >= MINIMUM_N),
                "withdrawn_share": number(curves.withdrawn[place, day]),
                "undecided_share": number(curves.pending[place, day]),
                "kaplan_meier_share": number(curves.kaplan_meier[place, day]),
            }


def _head(cohort: Cohort, part: Slice) -> dict:
    return {
        "cohort_kind": cohort.kind,
        "cohort_from": cohort.start,
        "cohort_to": cohort.end,
        "slice_kind": part.kind,
        "slice_key": part.key,
        "slice_name": part.name,
    }


def _cohorts(table: pandas.DataFrame, slices: list[Slice]) -> Iterator[tuple[Cohort, Observed]]:
    """Everything, each year, quarter and month, with what was observed of it."""
    number_of = {(part.kind, part.key): place for place, part in enumerate(slices)}
    pairs = zip(table["slice_kind"].astype(str), table["slice_key"].astype(str), strict=True)
    table = table.assign(slice=np.array([number_of[pair] for pair in pairs], dtype=int))
    yield Cohort("all", None, None), _observed(table, len(slices))
    for kind, frequency in _PERIODS.items():
        periods = table["cohort_month"].dt.to_period(frequency)
        for period, part in table.groupby(periods, sort=True):
            last = period.end_time.date().replace(day=1)
            yield Cohort(kind, period.start_time.date(), last), _observed(part, len(slices))


def _observed(table: pandas.DataFrame, slices: int) -> Observed:
    end = table["state"].astype(str).map(STATES)
    has_clock = end.notna().to_numpy()
    clocked, excluded = table[has_clock], table[~has_clock]
    end = end[has_clock].to_numpy(dtype=int)
    shape = (slices, CURVE_DAYS + 1, len(STATES))
    place, day = clocked["slice"].to_numpy(), clocked["day"].to_numpy()
    cell = np.ravel_multi_index((place, np.minimum(day, CURVE_DAYS), np.where(day > CURVE_DAYS, OPEN, end)), shape)
    cases, promised = clocked["cases"].to_numpy(), clocked["has_promise"].to_numpy()
    decided = end < WITHDRAWN
    ends = np.bincount(place * len(STATES) + end, cases, slices * len(STATES)).reshape(slices, -1)
    reasons: list[dict[str, int]] = [{} for _ in range(slices)]
    for (part, reason), found in excluded.groupby(["slice", "state"], observed=True)["cases"].sum().items():
        reasons[part][reason] = int(found)
    return Observed(
        counts=np.bincount(cell, cases, np.prod(shape)).reshape(shape),
        promised=np.bincount(cell, cases * promised, np.prod(shape)).reshape(shape),
        ends=ends.astype(int),
        decided_days=np.bincount(place[decided], clocked["days"].to_numpy()[decided], slices),
        excluded=reasons,
    )
