"""The 95 % interval of a share (Wilson), which league tables carry (rules C3)."""

from __future__ import annotations

from math import sqrt

_Z = 1.959963984540054


def interval(hits: float, n: float) -> tuple[float, float]:
    """Lower and upper bound as fractions. n must be positive."""
    share = hits / n
    centre = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return max(centre - half, 0.0), min(centre + half, 1.0)
