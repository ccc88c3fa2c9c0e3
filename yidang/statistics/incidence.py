"""How soon cases are decided, when some are withdrawn and some are still open (rules C3).

Everything works on counts by whole working day and by end, so ties are exact and a million cases are as fast as ten.
`counts[..., day, end]`: how many cases ended (or were still open, as of as_of) with `day` days on the clock; leading
axes are groups or bootstrap replicates. A case open at day d was not decided on day d: it is at risk on that day.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from yidang.wilson import Interval, wilson

# The last axis of counts. A case without a promise counts as LATE; on-time shares are asked only of cases with one.
ON_TIME, LATE, WITHDRAWN, OPEN = range(4)
_TOLERANCE = 1e-9  # sums of floats that mean a whole number of cases


@dataclass(frozen=True)
class Incidence:
    """Curves by day, each with the shape of counts less its last axis; shares of all cases that were accepted.

    decided: Aalen–Johansen cumulative incidence of the decision, withdrawal competing. on_time: of it, the decisions
    within the promise. withdrawn: of withdrawal. pending: neither yet. at_risk: cases still on the clock on that day.
    kaplan_meier: 1 − S with withdrawals censored, for comparison; it overstates, as if they would still be decided.
    """

    decided: np.ndarray
    on_time: np.ndarray
    withdrawn: np.ndarray
    pending: np.ndarray
    at_risk: np.ndarray
    kaplan_meier: np.ndarray


def cumulative_incidence(counts: np.ndarray) -> Incidence:
    at_risk = _at_risk(counts)
    hazards = _divide(counts[..., :OPEN], at_risk[..., None])
    pending = np.cumprod(1 - hazards.sum(-1), axis=-1)
    before = np.concatenate([np.ones_like(pending[..., :1]), pending[..., :-1]], axis=-1)
    on_time, late, withdrawn = np.moveaxis(np.cumsum(before[..., None] * hazards, axis=-2), -1, 0)
    undecided = np.cumprod(1 - hazards[..., ON_TIME] - hazards[..., LATE], axis=-1)
    return Incidence(on_time + late, on_time, withdrawn, pending, at_risk, 1 - undecided)


def interval(curve: np.ndarray, counts: np.ndarray, ends: tuple[int, ...] = (ON_TIME, LATE)) -> Interval:
    """Pointwise 95 % interval of the cumulative incidence `curve` of `ends`, for cases taken as independent.

    Wilson's interval on the effective number of cases (Dorey and Korn 1987), that is the number which would give a
    plain share the variance of the curve. Without open cases it is Wilson's interval of the share itself.
    """
    total = counts.sum((-2, -1))[..., None]
    variance = _variance(curve, counts, ends)
    spread = curve * (1 - curve)
    # Nothing has happened yet, or everything has: no variance to go by, but how many were observed that far is known.
    stands_for = np.maximum.accumulate(censoring_weights(counts), axis=-1)
    bare = np.where(curve < 0.5, _divide(total, stands_for), total)
    effective = np.where((variance > 0) & (spread > 0), _divide(spread, variance), bare)
    return wilson(curve, np.maximum(effective, 1))


def percentile_day(curve: np.ndarray, share: float) -> np.ndarray:
    """The first day on which the curve has reached `share`; nan where it never does (未达到)."""
    reached = curve >= share - _TOLERANCE
    return np.where(reached.any(-1), reached.argmax(-1).astype(float), np.nan)


def capped_mean(curves: Incidence, cap: int) -> np.ndarray:
    """Mean of min(days to the decision, cap) over the cases not withdrawn before day `cap`: the area over the curve.

    nan where nobody was followed so far although some are undecided, or where all were withdrawn.
    """
    staying = 1 - curves.withdrawn[..., cap - 1 : cap]
    is_followed = (curves.at_risk[..., cap] > 0) | (curves.pending[..., cap - 1] < _TOLERANCE)
    with np.errstate(invalid="ignore", divide="ignore"):
        days = (1 - curves.decided[..., :cap] / staying).sum(-1)
    return np.where(is_followed & (staying[..., 0] > _TOLERANCE), days, np.nan)


def censoring_weights(counts: np.ndarray) -> np.ndarray:
    """For how many accepted cases one that ended on a day stands: itself and its share of those censored before.

    By weighting so, open cases are neither dropped nor guessed: Σ weight × counts[decided up to a day] / n is the
    Aalen–Johansen curve. Shape of counts less its last axis; zero where nobody was at risk.
    """
    at_risk = _at_risk(counts)
    staying = at_risk - counts[..., :OPEN].sum(-1)
    kept = np.cumprod(1 - _divide(counts[..., OPEN], staying), axis=-1)
    kept = np.concatenate([np.ones_like(kept[..., :1]), kept[..., :-1]], axis=-1)
    return np.where(at_risk > 0, _divide(np.ones_like(kept), kept), 0.0)


def _variance(curve: np.ndarray, counts: np.ndarray, ends: tuple[int, ...]) -> np.ndarray:
    """Delta-method variance of a cumulative incidence (Marubini and Valsecchi), by day.

    Σ over days s ≤ t of (F(t) − F(s))² a + S(s−)² b − 2 (F(t) − F(s)) S(s−) c, expanded into running sums.
    """
    at_risk = _at_risk(counts)
    ended = counts[..., :OPEN].sum(-1)
    decided = counts[..., list(ends)].sum(-1)
    pending = np.cumprod(1 - _divide(ended, at_risk), axis=-1)
    before = np.concatenate([np.ones_like(pending[..., :1]), pending[..., :-1]], axis=-1)
    a = _divide(ended, at_risk * (at_risk - ended))  # the day on which the last case ends adds nothing
    b = before**2 * _divide(decided * (at_risk - decided), at_risk**3)
    c = before * _divide(decided, at_risk**2)
    total = curve**2 * np.cumsum(a, -1) - 2 * curve * np.cumsum(curve * a, -1) + np.cumsum(curve**2 * a, -1)
    total += np.cumsum(b, -1) - 2 * curve * np.cumsum(c, -1) + 2 * np.cumsum(curve * c, -1)
    return np.maximum(total, 0)


def _at_risk(counts: np.ndarray) -> np.ndarray:
    return np.flip(np.cumsum(np.flip(counts.sum(-1), -1), axis=-1), -1)


def _divide(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """top / bottom, and 0 where there is nothing to divide by."""
    top, bottom = np.broadcast_arrays(top, bottom)
    return np.divide(top, bottom, out=np.zeros(top.shape), where=bottom > 0)
