"""What has changed in the columns of a source since they were last seen; `require_columns` is about the contract's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import psycopg

from yidang.contracts import Department, Table
from yidang.errors import YidangError

MOST_NAMED = 10


class ColumnsRefused(YidangError):
    """The contract refuses what the source's columns have become, so nothing of the table is landed.

    missing: refused; added: columns that the contract does not name, refused or not; retyped: column → "old → new".
    hint: the cure, where they seem to have been read wrongly rather than changed.
    """

    def __init__(
        self,
        place: str,
        *,
        missing: Sequence[str] = (),
        added: Sequence[str] = (),
        retyped: Mapping[str, str] | None = None,
        may_add: bool = True,
        hint: str = "",
    ) -> None:
        self.place, self.missing, self.added, self.retyped = place, missing, added, retyped or {}
        self.may_add, self.hint = may_add, hint
        super().__init__(self._what(), self._cure())

    def beyond(self, held: Sequence[str]) -> ColumnsRefused:
        """The same, knowing which columns have landed before and so are not new, though the contract lacks them."""
        added = [column for column in self.added if column not in held or not self.may_add]
        return ColumnsRefused(
            self.place,
            missing=self.missing,
            added=added,
            retyped=self.retyped,
            may_add=self.may_add,
            hint=self.hint,
        )

    @property
    def changes(self) -> dict[str, Iterable[str]]:
        """By kind of change, as `note` takes them."""
        return {} if self.hint else {"missing": self.missing, "added": self.added, "retyped": self.retyped}

    def _what(self) -> str:
        parts = []
        if self.missing:
            parts.append(f"no longer has the {_columns(self.missing)}")
        if self.added:
            parts.append(f"has the new {_columns(self.added)}")
            if not self.may_add:
                parts[-1] += ", which its contract does not allow"
        if self.retyped:
            changes = [f"{column} ({change})" for column, change in self.retyped.items()]
            parts.append(f"has given another type to {', '.join(changes)}")
        return f"{self.place}: the source {', and '.join(parts)}; nothing of it was landed."

    def _cure(self) -> str:
        if self.hint:
            return self.hint
        if self.retyped:
            return "Ask the department what the values mean now; then set `drift: {retyped: accept}` for this table."
        if not self.missing:
            return "Add them to `columns`, or set `drift: {added: accept}`."
        renamed = (
            f"If {_names(self.missing)} was renamed to {_names(self.added)}: write the new name into the contract and"
            " the suite, and let the models read coalesce(new, old), since rows that landed before have the old one."
            " If not: take"
        )
        return (
            f"Ask the department what changed{f'. {renamed}' if self.added else '; then take'} the column out of the"
            " contract, set `drift: {missing: accept}`, or have it restored."
        )


def note(
    connection: psycopg.Connection, department: Department, table: Table, change: str, columns: Iterable[str]
) -> list[str]:
    """Keep a change (added, missing, retyped) with the time it was first seen. Returns what was not kept before."""
    return [
        column
        for column in columns
        if connection.execute(
            "insert into landing.drift (department, table_name, column_name, change) values (%s, %s, %s, %s)"
            " on conflict do nothing",
            (department.id, table.name, column, change),
        ).rowcount
    ]


def check_types(
    connection: psycopg.Connection, department: Department, table: Table, types: Mapping[str, str]
) -> list[str]:
    """Compare the source's types with those of the last pull, and keep them. Returns the columns that have another.

    Raises ColumnsRefused where the contract refuses that.
    """
    query = "select column_name, type_name from landing.source_column where department = %s and table_name = %s"
    known = dict(connection.execute(query, (department.id, table.name)).fetchall())
    retyped = {column: f"{known[column]} → {name}" for column, name in types.items() if known.get(column, name) != name}
    if retyped and table.drift.retyped == "refuse":
        raise ColumnsRefused(f"{department.id}.{table.name}", retyped=retyped)
    note(connection, department, table, "retyped", retyped)
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into landing.source_column (department, table_name, column_name, type_name)"
            " values (%s, %s, %s, %s) on conflict (department, table_name, column_name)"
            " do update set type_name = excluded.type_name where source_column.type_name <> excluded.type_name",
            [(department.id, table.name, column, name) for column, name in types.items() if known.get(column) != name],
        )
    return list(retyped)


def note_missing(
    connection: psycopg.Connection, department: Department, table: Table, found: Sequence[str]
) -> list[str]:
    """Note declared columns that did not come, where the contract accepts that. Returns those not noted before."""
    missing = [name for name in table.columns if name not in found] if found else []
    return note(connection, department, table, "missing", missing)


def _columns(names: Sequence[str]) -> str:
    return f"column{'s' if len(names) > 1 else ''} {_names(names)}"


def _names(names: Sequence[str]) -> str:
    rest = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")
