"""The departments of `yidang status` as rows of text: whatever fields it has, it is the one place that knows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from yidang.status import DepartmentState

# Chinese and English headings; a field without one is headed by its name.
_HEADINGS = {
    "department": ("部门", "department"),
    "tables_landed": ("已落库的表", "tables landed"),
    "rows_landed": ("原始行数", "rows in raw"),
    "rows_quarantined": ("隔离与提醒", "quarantined"),
    "last_success": ("最近成功", "last success"),
    "problem": ("需要处理", "needs attention"),
}
_TOLD_BY_OTHERS = {"name", "tables"}


@dataclass(frozen=True)
class Cell:
    heading: str
    english: str
    text: str
    is_number: bool
    is_problem: bool


def table(states: Sequence[DepartmentState]) -> list[list[Cell]]:
    """One row of cells per department."""
    shown = [entry.name for entry in fields(DepartmentState) if entry.name not in _TOLD_BY_OTHERS]
    return [[_cell(state, name) for name in shown] for state in states]


def _cell(state: DepartmentState, name: str) -> Cell:
    value = getattr(state, name)
    heading, english = _HEADINGS.get(name, (name.replace("_", " "), ""))
    if name == "department":
        text = f"{state.name} {value}".strip()
    elif name == "tables_landed":
        text = "—" if value is None else f"{value}/{state.tables}"
    else:
        text = _text(value)
    return Cell(heading, english, text, isinstance(value, int | float), name == "problem" and bool(value))


def _text(value: object) -> str:
    if value is None or value == "" or value == () or value == []:
        return "—"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, float):
        return f"{value:,.1f}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return ", ".join(_text(entry) for entry in value)
    return str(value)
