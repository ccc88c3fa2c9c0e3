"""The departments of `yidang status` as rows of text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from yidang.status import DepartmentState
from yidang.status.chinese import said

_NOTHING = "—"


@dataclass(frozen=True)
class Cell:
    """kind: 'n' (a number) or one of the page's classes."""

    heading: str
    english: str
    text: str
    kind: str = ""


def table(states: Sequence[DepartmentState]) -> list[list[Cell]]:
    """One row of cells per department."""
    return [_row(state) for state in states]


def _row(state: DepartmentState) -> list[Cell]:
    changed = (state.columns_added, state.columns_missing, state.columns_retyped)
    drift = [f"{sign}{number}" for sign, number in zip(("+", "−", "≠"), changed, strict=True) if number]
    next_run = "暂停" if state.paused else f"{state.next_run:%m-%d %H:%M}" if state.next_run else _NOTHING
    findings = "；".join(said(state, finding) for finding in state.findings)
    urgency = "problem" if state.problem else "broken" if findings else ""
    return [
        Cell("部门", "department", f"{state.name} {state.department}".strip(), "title"),
        Cell("最近批次", "last batch", f"{state.last_batch_at:%m-%d %H:%M}" if state.last_batch_at else _NOTHING),
        Cell("原始行数", "rows in raw", _number(state.rows_landed), "n"),
        Cell("距上次成功", "lag / allowed", _lag(state), "n"),
        Cell("隔离", "kept out", _number(state.rows_failed), "n"),
        Cell("存疑", "doubted", _number(state.rows_warned), "n"),
        Cell("列变化", "drift", " ".join(drift) or _NOTHING, "n"),
        Cell("与源不符", "days that differ", _number(state.days_differing if state.compared_at else None), "n"),
        Cell("下次抽取", "next run", next_run),
        Cell("需要处理", "needs attention", findings or _NOTHING, urgency),
    ]


def _lag(state: DepartmentState) -> str:
    if state.lag_hours is None or state.freshness_hours is None:
        return _NOTHING
    return f"{state.lag_hours:.1f} / {state.freshness_hours:g} h"


def _number(value: int | None) -> str:
    return _NOTHING if value is None else f"{value:,}"
