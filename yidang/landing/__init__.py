"""Landing: source → raw tables, exactly once, with a ledger. `pull()` is the way in."""

from yidang.landing.ledger import has_landed
from yidang.landing.pull import PullError, PullResult, TablePull, ensure_landing, pull
from yidang.landing.reconcile import Difference

__all__ = [
    "Difference",
    "PullError",
    "PullResult",
    "TablePull",
    "ensure_landing",
    "has_landed",
    "pull",
]
