"""What a pull brought, and how it is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from yidang import gate
from yidang.errors import YidangError
from yidang.gate import quarantine
from yidang.landing.reconcile import Difference

_CHANGES = {
    "added": "new at the source, no model reads it yet: {}",
    "missing": "no longer at the source, empty from now on: {}",
    "retyped": "of another type at the source: {}",
}


@dataclass(frozen=True)
class Landed:
    """What one transaction brought. changes: columns by kind of drift, those that were not known before.

    compared: (days, rows of the source) that were compared, None where nothing was. doubt: why deletions are not
    believed.
    """

    rows_read: int = 0
    rows_landed: int = 0
    rows_quarantined: int = 0
    rows_deleted: int = 0
    batch_id: int | None = None
    changes: dict[str, list[str]] = field(default_factory=dict)
    compared: tuple[int, int] | None = None
    differences: tuple[Difference, ...] = ()
    doubt: YidangError | None = None


@dataclass
class TablePull:
    """What one table brought. `error` is None when all of it was read; rows and seconds are totals over its batches."""

    table: str
    rows_read: int = 0
    rows_landed: int = 0
    rows_quarantined: int = 0
    rows_deleted: int = 0
    batch_ids: list[int] = field(default_factory=list)
    changes: dict[str, list[str]] = field(default_factory=dict)
    compared: tuple[int, int] | None = None
    differences: list[Difference] = field(default_factory=list)
    seconds: float = 0.0
    error: str | None = None

    def add(self, landed: Landed) -> None:
        """Count what a transaction brought, once it is committed."""
        self.rows_read += landed.rows_read
        self.rows_landed += landed.rows_landed
        self.rows_quarantined += landed.rows_quarantined
        self.rows_deleted += landed.rows_deleted
        self.differences += landed.differences
        self.compared = landed.compared
        for change, columns in landed.changes.items():
            known = self.changes.setdefault(change, [])
            known += [column for column in columns if column not in known]
        if landed.batch_id is not None:
            self.batch_ids.append(landed.batch_id)


@dataclass(frozen=True)
class PullResult:
    """gate: verdicts of this pull. held: batches that were held before it and still are. notes: what the request
    leaves out or means."""

    department: str
    tables: list[TablePull]
    gate: list[gate.GateResult]
    held: list[quarantine.Held] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    is_dry_run: bool = False
    is_comparison: bool = False

    @property
    def counts(self) -> dict[str, int]:
        """Rows in all."""
        names = ("rows_read", "rows_landed", "rows_deleted", "rows_quarantined")
        return {name: sum(getattr(table, name) for table in self.tables) for name in names}

    @property
    def is_news(self) -> bool:
        """Whether a build would give other figures."""
        return bool(self.counts["rows_landed"] or self.counts["rows_deleted"])

    def lines(self) -> Iterator[str]:
        """The result in words: notes, then one line per table with what else is to be said of it below."""
        yield from (f"  {self.department}: {note}" for note in self.notes)
        for table in self.tables:
            yield self._counted(table)
            yield from (f"  {line}" for line in self._details(table))
        if self.is_dry_run:
            yield "  A dry run lands nothing, so the gate does not judge: which rows it would keep out is not foretold."
        if self.held:
            yield f"  → {quarantine.cure(self.department)}"

    def _counted(self, table: TablePull) -> str:
        judged = [verdict for verdict in self.gate if verdict.table == table.table]
        held = [entry for entry in self.held if entry.table == table.table]
        is_bad = table.error or held or any(verdict.state == "held" for verdict in judged)
        landed = "would land" if self.is_dry_run else "landed"
        told = f"{'✗' if is_bad else '✓'} {self.department}.{table.table}: read {table.rows_read:,}, "
        told += f"{landed} {table.rows_landed:,}, quarantined {table.rows_quarantined:,}"
        if table.rows_deleted:
            told += f", deleted at the source {table.rows_deleted:,}"
        return f"{told}{', then failed' if table.error else ''}  ({table.seconds:.1f} s)"

    def _details(self, table: TablePull) -> Iterator[str]:
        for change, columns in table.changes.items():
            if columns:
                yield f"! {_CHANGES[change].format(', '.join(columns))}"
        if self.is_comparison and not table.error:
            if table.compared is None:
                yield "not compared with the source: `reconcile: none`"
            elif not table.differences:
                days, rows = table.compared
                yield f"compared with the source: {rows:,} rows of {days:,} days, all agree"
        yield from (f"! {difference}" for difference in table.differences)
        if judged := [verdict for verdict in self.gate if verdict.table == table.table]:
            yield f"gate: {gate.in_words(judged)}"
        yield from (f"✗ from an earlier pull, {entry}" for entry in self.held if entry.table == table.table)


class PullError(YidangError):
    """Some tables failed or were held; `result` tells what the others brought, which is landed and stays."""

    def __init__(self, what: str, cure: str, result: PullResult) -> None:
        super().__init__(what, cure)
        self.result = result
