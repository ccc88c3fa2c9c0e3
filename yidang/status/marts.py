"""Which day the marts are for, and whether a build would now give others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from yidang import build_state
from yidang.settings import TIMEZONE
from yidang.status.words import count


@dataclass(frozen=True)
class MartsState:
    """The day that the marts are true for and when their last whole build ended; None where there was none.

    warning: why they are not what a build would give now; chinese: the same. unread_batches: batches since.
    """

    as_of: date | None
    built_at: datetime | None
    unread_batches: int | None
    warning: str
    chinese: str


def judge_marts(standing: build_state.Standing, *, recorded: date) -> MartsState:
    """A warning where a build would give other marts. recorded: the day it would be for (settings.as_of)."""
    unread = standing.unread_batches
    if standing.is_building:
        warning, chinese = "a build is running", "正在构建"
    elif not standing.is_built:
        warning, chinese = "never built: yidang build", "从未构建：yidang build"
    elif standing.as_of is None:
        warning = "the last build broke off or was of a part, so they may be of several days: yidang build"
        chinese = "上次构建中断或只构建了一部分，各表的截止日可能不同：yidang build"
    else:
        reasons = [f"a build would now be for {recorded}"] if standing.as_of != recorded else []
        reasons += [f"{count(unread, 'batch', 'batches')} landed since"] if unread else []
        warning = f"{'; '.join(reasons)}: yidang build" if reasons else ""
        facts = [f"现在构建将截至 {recorded}"] if standing.as_of != recorded else []
        facts += [f"此后又落库 {unread:,} 批"] if unread else []
        chinese = f"{'，'.join(facts)}：yidang build" if facts else ""
    built_at = standing.built_at.astimezone(TIMEZONE) if standing.built_at else None
    return MartsState(standing.as_of, built_at, unread, warning, chinese)
