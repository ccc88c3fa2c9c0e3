"""What is still to be expected of a case that is not decided yet: what became of those like it that got as far.

Works on counts by whole day and end, as incidence.py does, so that it costs the same for ten open cases and for a
million: asked is each distinct stratum and day, never each case.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas

from yidang.statistics.incidence import OPEN, cumulative_incidence, percentile_day
from yidang.wilson import wilson

SHARES = (0.1, 0.5, 0.9)
NO_LEVEL = -1
_ENDS = OPEN + 1
_TOLERANCE = 1e-9  # sums of floats that mean nobody
# How many curves are laid out at once.
_CHUNK = 4096


@dataclass(frozen=True)
class Observed:
    """Cases by stratum, day and end. strata: (levels, rows), finest level first; the others by row."""

    strata: np.ndarray
    day: np.ndarray
    end: np.ndarray
    cases: np.ndarray

    def counts(self, level: int, wanted: np.ndarray, days: int) -> np.ndarray:
        """(wanted strata, days + 1, ends); who took longer than `days` is open on the last of them."""
        place = np.minimum(np.searchsorted(wanted, self.strata[level]), len(wanted) - 1)
        own = self.where(wanted[place] == self.strata[level])
        shape = (len(wanted), days + 1, _ENDS)
        end = np.where(own.day > days, OPEN, own.end)
        stratum = np.searchsorted(wanted, own.strata[level])
        cell = np.ravel_multi_index((stratum, np.minimum(own.day, days), end), shape)
        return np.bincount(cell, own.cases, np.prod(shape)).reshape(shape).astype(float)

    def where(self, chosen: np.ndarray) -> Observed:
        return Observed(self.strata[:, chosen], self.day[chosen], self.end[chosen], self.cases[chosen])

    def __add__(self, other: Observed) -> Observed:
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return Observed(*(np.concatenate(pair, axis=-1) for pair in pairs))


@dataclass(frozen=True)
class Asked:
    """Undecided after day `day`, with a limit that ends on day `last_day` (≤ day: it has ended)."""

    strata: np.ndarray
    day: np.ndarray
    last_day: np.ndarray


@dataclass(frozen=True)
class Forecast:
    """By row of what was asked.

    level: of the strata that it rests on, or NO_LEVEL, and then nothing else is known. case_count: of the stratum.
    at_risk: of them, followed beyond that day, n of the forecast. late: probability of being on the clock after
    last_day, with its interval (nan where the limit has ended). days: (shares, rows), the day by which each share of
    SHARES is decided; nan where the curve does not get there (未达到).
    """

    level: np.ndarray
    case_count: np.ndarray
    at_risk: np.ndarray
    late: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    days: np.ndarray

    @classmethod
    def nothing(cls, rows: int) -> Forecast:
        blank = [np.full(rows, np.nan) for _ in range(3)]
        return cls(np.full(rows, NO_LEVEL), *np.zeros((2, rows), int), *blank, np.full((len(SHARES), rows), np.nan))

    def where(self, chosen: np.ndarray) -> Forecast:
        return Forecast(**{name: values[..., chosen] for name, values in vars(self).items()})

    def put(self, rows: np.ndarray, other: Forecast) -> None:
        for name, values in vars(self).items():
            values[..., rows] = getattr(other, name)


def strata(levels: Iterable[list[str]], *tables: pandas.DataFrame) -> list[np.ndarray]:
    """Numbers of the strata of each table, (levels, rows), the same stratum having the same number in all of them."""
    found: list[list[np.ndarray]] = [[] for _ in tables]
    ends = np.cumsum([len(table) for table in tables])[:-1]
    for columns in levels:
        number = np.zeros(sum(map(len, tables)), int)
        if columns and len(number):
            together = pandas.concat([table[columns] for table in tables], ignore_index=True)
            number = together.groupby(columns, sort=False, observed=True).ngroup().to_numpy()
        for own, part in zip(found, np.split(number, ends), strict=True):
            own.append(part)
    return [np.array(own) for own in found]


def forecast(observed: Observed, asked: Asked, days: int, enough: Iterable[int]) -> Forecast:
    """From the finest level at which enough[0] cases were followed beyond the day, and some of them up to the limit;
    where there is none, from the finest at which enough[1] were, and so on.
    """
    found = Forecast.nothing(len(asked.day))
    for least, level in product(enough, range(len(observed.strata))):
        rows = np.flatnonzero(found.level == NO_LEVEL)
        if not rows.size:
            break
        wanted, stratum = np.unique(asked.strata[level, rows], return_inverse=True)
        counts = observed.counts(level, wanted, days)
        given = _at_level(counts, stratum, asked.day[rows], asked.last_day[rows], least)
        is_enough = given.level != NO_LEVEL
        given.level[is_enough] = level
        found.put(rows[is_enough], given.where(is_enough))
    return found


def _at_level(counts: np.ndarray, stratum: np.ndarray, day: np.ndarray, last_day: np.ndarray, least: int) -> Forecast:
    """As a Forecast with level 0, or NO_LEVEL where there are fewer than `least`."""
    days = counts.shape[1] - 1
    curves = cumulative_incidence(counts)
    now, limit = np.minimum(day, days), np.minimum(last_day, days)
    at_risk = np.where(day < days, curves.at_risk[stratum, np.minimum(day + 1, days)], 0)
    at_limit = np.where(last_day <= days, curves.at_risk[stratum, limit], 0)
    is_running = last_day > day
    # A curve is known up to a day if somebody was followed until then, or nobody was left.
    is_followed = (at_limit > 0) | (curves.pending[stratum, limit] < _TOLERANCE)
    is_enough = (at_risk >= least) & (is_followed | ~is_running)
    staying = np.where(is_enough, curves.pending[stratum, now], 1)
    late = np.where(is_running, curves.pending[stratum, limit] / staying, np.nan)
    greenwood = _greenwood(counts, curves.at_risk)
    variance = late**2 * (greenwood[stratum, limit] - greenwood[stratum, now])
    # Wilson's interval on the number of cases that gives a plain share this variance, as in incidence.interval; without
    # any variance, on how many were followed that far.
    spread, bare = late * (1 - late), np.where(late > 0.5, at_limit, at_risk)
    effective = np.divide(spread, variance, out=bare.astype(float), where=(variance > 0) & (spread > _TOLERANCE))
    lower, upper = wilson(late, np.maximum(effective, 1))
    when = np.full((len(SHARES), len(day)), np.nan)
    for rows in np.array_split(np.flatnonzero(is_enough), len(day) // _CHUNK + 1):
        before = curves.decided[stratum[rows], now[rows]][:, None]
        decided = (curves.decided[stratum[rows]] - before) / staying[rows, None]
        when[:, rows] = [percentile_day(decided, share) for share in SHARES]
    return Forecast(
        level=np.where(is_enough, 0, NO_LEVEL),
        case_count=counts.sum((1, 2))[stratum].astype(int),
        at_risk=at_risk.astype(int),
        late=late,
        lower=lower,
        upper=upper,
        days=when,
    )


def _greenwood(counts: np.ndarray, at_risk: np.ndarray) -> np.ndarray:
    """Running sum whose difference between two days, times the square of a share, is the variance of that share."""
    ended = counts[..., :OPEN].sum(-1)
    left = at_risk * (at_risk - ended)
    return np.cumsum(np.divide(ended, left, out=np.zeros_like(left), where=left > 0), axis=-1)
