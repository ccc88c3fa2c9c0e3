"""agg_forecast_calibration: what the forecast would have said at the beginning of months that are over, and what came.

Each month is forecast only from what had happened before it began: cases closed by then with their days, all others
as open at the days they had. docs/statistics.md says what is compared with what.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pandas
import psycopg

from yidang.metrics import MINIMUM_N
from yidang.statistics import observations
from yidang.statistics.conditional import NO_LEVEL, Observed, forecast, strata
from yidang.statistics.forecast import CASE_LEVELS, ENOUGH, TYPES, observed, to_ask
from yidang.statistics.incidence import OPEN
from yidang.statistics.observations import Stamp
from yidang.statistics.speed import CURVE_DAYS
from yidang.statistics.tables import number
from yidang.wilson import wilson

# Finer where most forecasts are: few cases are late.
EDGES = (0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1)
# Of all forecasts together: a bin has nothing to tell apart, and who has no forecast is in none.
_OF_ALL = ("brier_score", "base_rate_brier_score", "excluded_count", "excluded_by_reason")
# Why a case that was on the clock is not compared: the first reason that holds.
_QUERY = f"""
select
    held_out_month,
    department_id,
    item_code,
    flow_type,
    stage_number,
    coalesce(promised_limit, -1) as promised_limit,
    coalesce(limit_unit, '{observations.UNKNOWN}') as limit_unit,
    least(day, {CURVE_DAYS + 1}) as day,
    least(promised_limit, {CURVE_DAYS + 1}) as last_day,
    case
        when not has_promise or promised_limit is null then 'without_promise'
        when limit_unit != 'working_days' then 'promise_in_calendar_days'
        when day > promised_limit then 'already_overdue'
        when was_paused then 'paused'
        when day = promised_limit then 'last_day'
        -- whatever became of it: only the promises that had time to run out are compared, else the quick would be
        when working_days_since <= promised_limit - day then 'not_yet_due'
        when is_late is null then 'paused_since'
    end as reason,
    coalesce(is_late, false)::integer as is_late,
    count(*) as cases
from int_forecast_origins
group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
order by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
"""  # noqa: S608


def rows(connection: psycopg.Connection, table: pandas.DataFrame, stamp: Stamp) -> list[dict]:
    """The rows of agg_forecast_calibration. table: as forecast.cases gives it."""
    origins = observations.read(
        connection, _QUERY, held_out_month="date", reason="str", is_late="int64", **TYPES | {"last_day": "float64"}
    )
    return [row | vars(stamp) for row in rows_of(predict(table, origins))] if len(origins) else []


def rows_of(judged: pandas.DataFrame) -> Iterator[dict]:
    first, last = judged["held_out_month"].min(), judged["held_out_month"].max()
    head = {"held_out_from": first.date(), "held_out_to": last.date()}
    yield head | _slice("all") | summary(judged)
    bins = np.digitize(judged["predicted"], EDGES[1:-1])
    compared = judged["reason"].isna()
    for place, (lower, upper) in enumerate(pairwise(EDGES)):
        own = summary(judged[compared & (bins == place)])
        yield head | _slice("bin", lower, upper) | own | dict.fromkeys(_OF_ALL)
    for month, part in judged.groupby("held_out_month"):
        head = {"held_out_from": month.date(), "held_out_to": month.date()}
        yield head | _slice("month") | summary(part)


def predict(table: pandas.DataFrame, origins: pandas.DataFrame) -> pandas.DataFrame:
    """`origins` with `predicted`, the probability of being late as it was known when each month began.

    table: cases by closed_month. origins: cases on the clock by month, and by the reason why they cannot be compared.
    """
    known, asked = strata(CASE_LEVELS.values(), table, origins)
    closed = observed(table, known)
    closed_month, month = table["closed_month"].to_numpy(), origins["held_out_month"].to_numpy()
    standing = Observed(
        asked, origins["day"].to_numpy(), np.full(len(origins), OPEN), origins["cases"].to_numpy(dtype=int)
    )
    may_ask = origins["reason"].isna().to_numpy()
    predicted = np.full(len(origins), np.nan)
    for own in np.unique(month):
        before = closed.where(closed_month < own) + standing.where(month == own)
        chosen = np.flatnonzero((month == own) & may_ask)
        part = origins.iloc[chosen].astype({"last_day": int})
        given = forecast(before, to_ask(part, asked[:, chosen]), CURVE_DAYS, ENOUGH)
        predicted[chosen] = np.where(given.level == NO_LEVEL, np.nan, given.late)
    too_few = may_ask & np.isnan(predicted)
    return origins.assign(predicted=predicted, reason=origins["reason"].mask(too_few, "too_few_cases"))


def summary(judged: pandas.DataFrame) -> dict:
    """Forecast beside what came. Fewer than MINIMUM_N forecasts show their number and nothing else (样本不足)."""
    compared = judged[judged["reason"].isna()]
    cases = compared["cases"].to_numpy(dtype=int)
    late = compared["is_late"].to_numpy(dtype=int)
    predicted = compared["predicted"].to_numpy()
    n, late_count = int(cases.sum()), int(cases @ late)
    is_enough = n >= MINIMUM_N
    share = late_count / max(n, 1)
    lower, upper = wilson(np.array(share), np.array(max(n, 1)))
    excluded = judged[judged["reason"].notna()].groupby("reason")["cases"].sum()
    return {
        "forecast_count": n,
        "late_count": late_count,
        "predicted_share": number(cases @ predicted / max(n, 1), is_enough),
        "late_share": number(share, is_enough),
        "late_share_lower": number(lower, is_enough),
        "late_share_upper": number(upper, is_enough),
        "brier_score": number(cases @ (predicted - late) ** 2 / max(n, 1), is_enough),
        "base_rate_brier_score": number(share * (1 - share), is_enough),
        "excluded_count": int(excluded.sum()),
        "excluded_by_reason": {str(reason): int(count) for reason, count in excluded.items()},
        "is_suppressed": not is_enough,
    }


def _slice(kind: str, lower: float | None = None, upper: float | None = None) -> dict:
    return {"slice_kind": kind, "probability_from": lower, "probability_to": upper}
