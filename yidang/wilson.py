"""Wilson's 95 % interval of a share, its one home: as SQL where PostgreSQL counts, with numpy where the estimators do.

Both are the same formula; tests/test_indicators.py holds one to the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np

Z = 1.959963984540054


class Interval(NamedTuple):
    lower: np.ndarray
    upper: np.ndarray


def wilson_interval(hits: str, n: str) -> tuple[str, str]:
    """SQL of the lower and upper bound of the interval of hits / n, fractions; null where n is 0.

    hits and n are SQL expressions.
    """
    n = f"nullif({n}, 0)"
    share = f"(({hits})::double precision / {n})"
    centre = f"({share} + {Z}^2 / (2 * {n}))"
    half = f"({Z} * sqrt({share} * (1 - {share}) / {n} + {Z}^2 / (4 * {n}::double precision^2)))"
    whole = f"(1 + {Z}^2 / {n})"
    # greatest and least pass over a null
    return (
        f"case when {n} > 0 then greatest(({centre} - {half}) / {whole}, 0) end",
        f"case when {n} > 0 then least(({centre} + {half}) / {whole}, 1) end",
    )


def wilson(share: np.ndarray, n: np.ndarray) -> Interval:
    """The interval of a share of n, which need not be whole: an effective number of cases."""
    import numpy as np  # not before it is asked for: documents and `yidang --help` take the SQL alone

    centre = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * np.sqrt(np.maximum(share * (1 - share), 0) / n + Z**2 / (4 * n**2))
    return Interval(np.clip(centre - half, 0, None), np.clip(centre + half, None, 1))
