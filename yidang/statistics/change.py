"""What changed between two cohorts, and how sure that is: mean days, fixed weights, mix and rate, projects resampled.

The mean is capped and leaves out the withdrawn: over the cases that are not withdrawn before day `cap`, the mean of
min(days to the decision, cap). Open cases count through `incidence.censoring_weights`: so the mean of a cohort is the
area over its Aalen–Johansen curve, and at the same time a sum over cases, which can be split by strata.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from yidang.statistics.incidence import LATE, ON_TIME, OPEN, WITHDRAWN, censoring_weights

BASE, NOW = 0, 1
_ENDS = OPEN + 1
# An interval from replicates of which more than one in ten say nothing would be one of the lucky replicates.
_WORST_SHARE = 0.1


@dataclass(frozen=True)
class Cohorts:
    """Accepted cases of a base and a later cohort, aggregated: arrays of one length.

    stratum, project: numbers from 0. period: BASE or NOW. day: whole net working days so far. end: as in incidence.
    cases: how many.
    """

    stratum: np.ndarray
    period: np.ndarray
    project: np.ndarray
    day: np.ndarray
    end: np.ndarray
    cases: np.ndarray

    def counts(self, days: int) -> np.ndarray:
        """(strata, 2, days + 1, ends); a case that was on the clock for longer counts as open on the last day."""
        return next(self.recounts(days, [np.ones(self.projects, int)]))

    def recounts(self, days: int, draws: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """The same for each draw: how often each project counts (a bootstrap replicate)."""
        shape = (self.stratum.max(initial=-1) + 1, 2, days + 1, _ENDS)
        end = np.where(self.day > days, OPEN, self.end)
        cell = np.ravel_multi_index((self.stratum, self.period, np.minimum(self.day, days), end), shape)
        for times in draws:
            yield np.bincount(cell, self.cases * times[self.project], np.prod(shape)).reshape(shape)

    @property
    def projects(self) -> int:
        return self.project.max(initial=-1) + 1


@dataclass(frozen=True)
class Groups:
    """Which strata make up each group; a stratum may be in several (a department, a stage, the whole district).

    stratum, group: pairs, sorted by group; every group from 0 on has at least one.
    """

    stratum: np.ndarray
    group: np.ndarray

    @classmethod
    def of(cls, pairs: list[tuple[int, int]]) -> Groups:
        """From (group, stratum) pairs in any order."""
        group, stratum = np.array(sorted(pairs), dtype=int).reshape(-1, 2).T
        return cls(stratum, group)

    def total(self, values: np.ndarray) -> np.ndarray:
        """Sums over the pairs (first axis) of each group."""
        first = np.flatnonzero(np.diff(self.group, prepend=-1))
        return np.add.reduceat(values, first, axis=0)


class Change(NamedTuple):
    """One value per group, in working days except `covered`.

    base, now: capped means of the two cohorts. standardised_base, standardised_now: over the strata that both have,
    with the base's weights; covered: those strata's share of the base's weight. mix + rate = now − base exactly
    (Kitagawa): what the other composition explains, and what the strata themselves do. A stratum that only one cohort
    has is mix.
    """

    base: np.ndarray
    now: np.ndarray
    standardised_base: np.ndarray
    standardised_now: np.ndarray
    covered: np.ndarray
    mix: np.ndarray
    rate: np.ndarray


def caps(counts: np.ndarray, groups: Groups) -> np.ndarray:
    """The cap of each group: the last day of counts, or the last that both cohorts were followed to if sooner."""
    days = counts.shape[2] - 1
    found = groups.total(counts[groups.stratum])
    last = np.where(found.any(-1), np.arange(days + 1), 0).max(-1)
    # A curve that ends because its last case was decided is known for good.
    is_open = np.take_along_axis(found[..., OPEN], last[..., None], -1)[..., 0] > 0
    return np.where(is_open, last, days).min(-1)


def compare(counts: np.ndarray, groups: Groups, cap: np.ndarray) -> Change:
    """counts: as Cohorts.counts gives them, for at least max(cap) days. cap: days per group."""
    limit = cap[groups.group]
    day = np.minimum(np.arange(counts.shape[2]), limit[:, None])
    stands_for = censoring_weights(groups.total(counts[groups.stratum]))[groups.group]
    stands_for = np.take_along_axis(stands_for, day[:, None, :], -1)
    # Known: who was decided before the cap, and who was on the clock on its day, however that ended. The withdrawn are
    # out, and those open before it live on in the weights of the others.
    decided = counts[..., ON_TIME] + counts[..., LATE]
    everybody = decided + counts[..., WITHDRAWN] + counts[..., OPEN]
    is_before = (day < limit[:, None])[:, None, :]
    known = np.where(is_before, decided[groups.stratum], everybody[groups.stratum]) * stands_for
    return _decompose(known.sum(-1), np.einsum("spd,sd->sp", known, day), groups)


def _decompose(weights: np.ndarray, days: np.ndarray, groups: Groups) -> Change:
    """weights, days: (pairs, 2), the cases that stand for a stratum in a period, and the sum of their days."""
    with np.errstate(invalid="ignore", divide="ignore"):
        sums = groups.total(weights)
        base, now = (groups.total(days) / sums).T
        shares = weights / sums[groups.group]
        is_known = weights > 0
        means = np.where(is_known, days / weights, 0)
        # What a cohort does not have cannot have become faster or slower: only the composition differs.
        means = np.where(is_known, means, means[:, ::-1])
        mix = groups.total((shares[:, NOW] - shares[:, BASE]) * means.mean(1))
        rate = groups.total((means[:, NOW] - means[:, BASE]) * shares.mean(1))
        common = np.where(is_known.all(1), shares[:, BASE], 0)
        covered = groups.total(common)
        standardised = groups.total(common[:, None] * means) / covered[:, None]
    return Change(base, now, *standardised.T, covered, mix, rate)


def resample(
    cohorts: Cohorts,
    groups: Groups,
    cap: np.ndarray,
    statistic: Callable[[Change], np.ndarray],
    *,
    replicates: int,
    seed: int,
) -> np.ndarray:
    """`statistic` of each replicate (replicates × its shape): whole projects drawn with replacement, as often as there
    are. The cases of one project depend on each other, so they come and go together.
    """
    random = np.random.default_rng(seed)
    projects = cohorts.projects
    draws = (np.bincount(random.integers(0, projects, projects), minlength=projects) for _ in range(replicates))
    counts = cohorts.recounts(int(cap.max(initial=0)), draws)
    return np.array([statistic(compare(found, groups, cap)) for found in counts])


def percentile_interval(drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The 2.5th and 97.5th percentile over the first axis; nan where too many replicates say nothing."""
    is_value = np.isfinite(drawn)
    is_usable = (~is_value).mean(0) <= _WORST_SHARE
    values = np.where(is_value, drawn, np.where(is_usable, np.nan, 0.0))
    lower, upper = np.nanquantile(values, [0.025, 0.975], axis=0)
    return np.where(is_usable, lower, np.nan), np.where(is_usable, upper, np.nan)
