"""The names in a file's header, whatever line breaks and blanks people set into them."""

from __future__ import annotations

from collections.abc import Sequence

from yidang.contracts import Table


def column_names(table: Table, cells: Sequence[str | None]) -> list[str]:
    """A column for each cell: the contract's where they differ in blanks and line breaks only, else the cell's own.

    str.split() knows the full-width space too.
    """
    declared = {"".join(column.split()): column for column in table.columns}
    return [declared.get("".join(cell.split()), " ".join(cell.split())) for cell in (cell or "" for cell in cells)]
