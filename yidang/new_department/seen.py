"""What was found at a source: tables with their columns and a sample of their rows, whatever kind of source it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

SAMPLE_ROWS = 2_000


@dataclass(frozen=True)
class SeenTable:
    """One table, file or list of an answer.

    name: what Yidang will call it. rows: a sample, as text, in memory only; it is never printed and never kept.
    kinds: per column what the source's catalogue says (statements.SourceColumn.kind); {} where it has none.
    key: columns that tell rows apart; key_doubt: why a person should look at them, '' where the source declares them.
    place: further keys of the table in the contract (relation, path, pattern).
    """

    name: str
    columns: list[str]
    rows: list[dict[str, str | None]]
    key: list[str]
    key_doubt: str = ""
    kinds: dict[str, str] = field(default_factory=dict)
    place: dict[str, object] = field(default_factory=dict)

    def values(self, column: str) -> Iterator[str]:
        """What the sample has in the column, blanks left out."""
        return filled(self.rows, column)


@dataclass(frozen=True)
class Seen:
    """source: the contract's `source`. doubts: per line of it (its key) what a person should check.

    secrets: name -> value of what the contract only names. since_parameter: where the API was asked for what is new.
    """

    source: dict[str, object]
    tables: list[SeenTable]
    secrets: dict[str, str]
    doubts: dict[str, str] = field(default_factory=dict)
    since_parameter: str | None = None


def filled(rows: Sequence[dict[str, str | None]], column: str) -> Iterator[str]:
    return (value.strip() for row in rows if (value := row.get(column)) and value.strip())
