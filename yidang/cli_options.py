"""Options that several commands take, and how their text is read."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import typer

from yidang.errors import ConfigError

AsOf = Annotated[str | None, typer.Option("--as-of", metavar="YYYY-MM-DD", help="The day the figures are true for.")]


def date_of(text: str | None) -> date | None:
    """Raises ConfigError for what is no YYYY-MM-DD."""
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise ConfigError(f"{text!r} is not a date.", "Write YYYY-MM-DD, e.g. 2026-06-30.") from None


def month_of(text: str) -> date:
    """The month's first day. Raises ConfigError for what is no YYYY-MM."""
    try:
        return datetime.strptime(text, "%Y-%m").date()
    except ValueError:
        raise ConfigError(f"{text!r} is not a month.", "Write YYYY-MM, e.g. 2026-06.") from None
