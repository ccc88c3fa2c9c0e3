"""Landing: source → raw tables, exactly once, with a ledger. `pull()` is the way in."""

from yidang.landing.ledger import has_landed
from yidang.landing.pull import ensure_landing, pull, require_request
from yidang.landing.reconcile import Difference
from yidang.landing.result import PullError, PullResult, TablePull

__all__ = [
    "Difference",
    "PullError",
    "PullResult",
    "TablePull",
    "ensure_landing",
    "has_landed",
    "pull",
    "require_request",
]
