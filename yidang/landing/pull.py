"""One pull of a department: every table (or file) in one transaction with its ledger entry, then the gate."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from concurrent.futures import wait
from dataclasses import dataclass, field
from datetime import date

import psycopg

from yidang import gate
from yidang.contracts import DatabaseSource, Department, Table
from yidang.errors import ConfigError, YidangError, first_line
from yidang.landing import (
    database,
    deletions,
    drift,
    file_formats,
    ledger,
    raw,
    reconcile,
    source_files,
    source_rest,
)
from yidang.landing.drop import Drop, DroppedFile
from yidang.landing.extract import Extract, Request
from yidang.landing.incoming import FirstLoad, Incoming
from yidang.settings import Settings

log = logging.getLogger(__name__)


@dataclass
class TablePull:
    """What one table brought. `error` is None when all of it was read; rows and seconds are totals over its batches."""

    table: str
    rows_read: int = 0
    rows_landed: int = 0
    rows_quarantined: int = 0
    rows_deleted: int = 0
    batch_ids: list[int] = field(default_factory=list)
    differences: list[reconcile.Difference] = field(default_factory=list)
    seconds: float = 0.0
    error: str | None = None

    def add(self, landed: _Landed) -> None:
        """Count what a transaction brought, once it is committed."""
        self.rows_read += landed.rows_read
        self.rows_landed += landed.rows_landed
        self.rows_quarantined += landed.rows_quarantined
        self.rows_deleted += landed.rows_deleted
        self.differences += landed.differences
        if landed.batch_id is not None:
            self.batch_ids.append(landed.batch_id)


@dataclass(frozen=True)
class _Landed:
    rows_read: int = 0
    rows_landed: int = 0
    rows_quarantined: int = 0
    rows_deleted: int = 0
    batch_id: int | None = None
    differences: tuple[reconcile.Difference, ...] = ()
    doubt: YidangError | None = None


@dataclass(frozen=True)
class _Job:
    """What is the same for every table of one pull."""

    settings: Settings
    department: Department
    run_id: str | None
    since: date | None
    until: date | None
    dry_run: bool
    reconcile_all: bool

    @property
    def is_range(self) -> bool:
        return bool(self.since or self.until)

    def request(self, cursor: str | None) -> Request:
        since, until = (day.isoformat() if day else None for day in (self.since, self.until))
        return Request(cursor, since, until)


@dataclass(frozen=True)
class PullResult:
    department: str
    tables: list[TablePull]
    gate: list[gate.GateResult]

    @property
    def counts(self) -> dict[str, int]:
        """Rows in all."""
        names = ("rows_read", "rows_landed", "rows_deleted", "rows_quarantined")
        return {name: sum(getattr(table, name) for table in self.tables) for name in names}

    @property
    def is_news(self) -> bool:
        """Whether a build would give other figures."""
        return bool(self.counts["rows_landed"] or self.counts["rows_deleted"])


class PullError(YidangError):
    """Some tables failed or were held; `result` tells what the others brought, which is landed and stays."""

    def __init__(self, what: str, cure: str, result: PullResult) -> None:
        super().__init__(what, cure)
        self.result = result


def pull(
    settings: Settings,
    department: Department,
    *,
    run_id: str | None = None,
    since: date | None = None,
    until: date | None = None,
    dry_run: bool = False,
    reconcile_all: bool = False,
) -> PullResult:
    """Land what is new of every table, then put the new batches through the gate.

    since, until: read the rows of these days of the cursor again (until: not included), and leave the cursor where it
    is. dry_run: land nothing, only count what would land. reconcile_all: compare not only what was read with what has
    landed, but all that the source has (it is read whole once more); only for databases.
    A failing table does not stop the others. Raises PullError after all when a table failed or a batch is held;
    what landed stays landed, and the next pull goes on from there.
    """
    ensure_landing(settings, [department])
    job = _Job(settings, department, run_id, since, until, dry_run, reconcile_all)
    tables = [_pull_table(job, table) for table in _tables(job)]
    failed = [table for table in tables if table.error]
    # A secret that is not set fails every table alike, and is said once.
    sentences = list(dict.fromkeys(table.error for table in failed))
    judged: list[gate.GateResult] = []
    try:
        judged = [] if dry_run else gate.check_pending(settings, department)
        sentences += [checked.reason for checked in judged if checked.state == "held"]
    except (YidangError, psycopg.Error) as error:
        sentences.append(str(error).strip())
    result = PullResult(department.id, tables, judged)
    if sentences:
        landed = sum(table.rows_landed for table in tables)
        cure = "Mend this and pull again."
        if any(checked.state == "held" for checked in judged):
            cure += f" What is held: yidang quarantine list {department.id}; then replay, or release where it is right."
        raise PullError(
            "\n".join(sentences),
            f"{cure} {len(tables) - len(failed)} of {len(tables)} tables of {department.id}"
            f" were read, {landed} new rows landed; they stay.",
            result,
        )
    return result


def ensure_landing(settings: Settings, departments: Sequence[Department]) -> None:
    """Make the ledger and every declared raw table that is missing, so that dbt always finds its sources."""
    with ledger.ddl(settings) as connection:
        if not ledger.is_complete(connection):
            connection.execute(ledger.TABLES)
        for department in departments:
            for table in department.tables:
                raw.create(connection, department, table)


def _tables(job: _Job) -> list[Table]:
    """The tables to read: all, or those with a cursor where a range of days is asked for. Raises ConfigError."""
    if job.reconcile_all and not isinstance(job.department.source, DatabaseSource):
        raise ConfigError(
            f"{job.department.id}: a {job.department.source.kind} source cannot count its rows by day.",
            "Only databases are reconciled; leave out --reconcile.",
        )
    if not job.is_range:
        return job.department.tables
    if job.since and job.until and job.since >= job.until:
        raise ConfigError(f"No day lies from {job.since} to before {job.until}.", "Give --until a later day.")
    tables = [table for table in job.department.tables if table.cursor]
    if not tables:
        raise ConfigError(
            f"{job.department.id}: none of its tables has a cursor, so no days can be asked for.",
            "Pull without --since and --until: it compares the whole table, or takes every file that is new.",
        )
    if job.until and job.department.source.kind == "rest":
        raise ConfigError(f"{job.department.id}: an API is asked for changes since a day.", "Leave out --until.")
    return tables


def _pull_table(job: _Job, table: Table) -> TablePull:
    done = TablePull(table.name)
    started = time.monotonic()
    try:
        if job.department.source.kind == "files":
            _pull_files(job, table, done)
        else:
            _pull_rows(job, table, done)
    except YidangError as error:
        done.error = str(error)
    except (psycopg.Error, OSError) as error:
        done.error = f"{job.department.id}.{table.name}: {type(error).__name__}: {str(error).strip()}"
    except Exception as error:  # whatever it is, the other tables and the gate go on
        log.exception("%s.%s", job.department.id, table.name)
        done.error = f"{job.department.id}.{table.name}: {type(error).__name__}: {error}. This is a mistake in Yidang."
    done.seconds = time.monotonic() - started
    if not job.dry_run:
        ledger.record_error(job.settings, job.department.id, table.name, done.error)
    return done


def _pull_rows(job: _Job, table: Table, done: TablePull) -> None:
    source = source_rest if job.department.source.kind == "rest" else database
    with ledger.connect(job.settings, f"pull {job.department.id}") as connection:
        ledger.lock_table(connection, job.department.id, table.name)
        request = job.request(ledger.cursor_value(connection, job.department.id, table.name))
        with source.extract(job.settings, job.department, table, request) as extract:
            landed = _land(job, connection, table, extract, {"run_id": job.run_id})
        if job.dry_run:
            connection.rollback()
    done.add(landed)
    for entry in landed.differences:
        log.warning("%s: %s", job.department.id, entry)
    if landed.doubt:
        raise landed.doubt


def _pull_files(job: _Job, table: Table, done: TablePull) -> None:
    """Every new file in a transaction of its own. A file that cannot be read does not keep the others from landing."""
    errors = []
    department = job.department
    with (
        source_files.open_drop(job.settings, department) as drop,
        ledger.connect(job.settings, f"pull {department.id}") as connection,
    ):
        files = source_files.new_files(drop, department, table, connection)
        connection.commit()
        for file in files:
            try:
                with connection.transaction(force_rollback=job.dry_run):
                    ledger.lock_table(connection, department.id, table.name)
                    landed = _pull_file(job, connection, drop, table, file)
                done.add(landed)
            except (YidangError, OSError) as error:
                errors.append(str(error))
            except psycopg.Error as error:
                if connection.closed:
                    raise
                errors.append(f"{department.id}.{table.name} ({file.name}): {first_line(error)}; nothing of it landed.")
        if not errors and not job.dry_run:
            ledger.record_success(connection, department.id, table.name, None, None)
    if errors:
        raise YidangError("\n".join(dict.fromkeys(errors)))


def _pull_file(job: _Job, connection: psycopg.Connection, drop: Drop, table: Table, file: DroppedFile) -> _Landed:
    archived = source_files.archive(job.settings, drop, job.department, file)
    if archived is None:
        return _Landed()
    sha256, path = archived
    landed = _Landed()
    if not source_files.is_known(connection, job.department, table, sha256):
        extract = Extract(items=file_formats.read(job.department, table, path, file.name))
        facts = {"run_id": job.run_id, "file_name": file.name, "file_sha256": sha256}
        landed = _land(job, connection, table, extract, facts)
    source_files.remember(connection, job.department, table, file, sha256, landed.rows_read)
    return landed


def _land(
    job: _Job, connection: psycopg.Connection, table: Table, extract: Extract, facts: dict[str, str | None]
) -> _Landed:
    """Read an extract, add what is not held yet, write the ledger: all in the caller's transaction."""
    department = job.department
    drift.check_types(connection, department, table, extract.types)
    batch_id = ledger.new_batch_id(connection)

    def widen(found: Sequence[str]) -> list[str]:
        return _widen(job.settings, connection, department, table, found)

    is_empty = raw.is_empty(connection, department, table)
    is_first = is_empty and not (extract.overlapping or job.dry_run)
    incoming = FirstLoad(connection, department, table, batch_id, widen) if is_first else Incoming(connection)
    for item in extract.items:
        incoming.refuse(item) if isinstance(item, list) else incoming.add(item)
    asks_all = extract.is_whole or job.reconcile_all
    told = extract.days(asks_all) if extract.days and not job.dry_run else None
    if extract.overlapping and incoming.rows:
        incoming.drop_repeats()
    read = incoming.rows + incoming.refused
    if job.dry_run:
        return _Landed(read, incoming.count_new(department, table), incoming.refused)
    drift.note_missing(connection, department, table, incoming.columns)
    held_columns = widen(incoming.columns)  # by another connection, for which a lock of ours would be in the way
    if not is_empty:
        raw.index(connection, department, table)
    landed = incoming.move_new(department, table, held_columns, batch_id, facts.get("file_name"))
    refused = incoming.move_refused(department, table, batch_id)
    deleted, doubt = (0, None)
    if table.deletes == "compare" and not is_first:
        if told:
            wait([told])  # the source answers one question at a time
        deleted, doubt = _note_deleted(connection, department, table, extract, incoming, batch_id)
    if landed or refused or deleted:
        ledger.add_batch(
            connection,
            batch_id,
            department=department.id,
            table_name=table.name,
            cursor_from=extract.cursor_from,
            cursor_to=extract.cursor_to(),
            rows_read=read,
            rows_landed=landed,
            rows_quarantined=refused,
            **facts,
        )
    differences = ()
    if told:
        scope = "first load" if is_first else "all" if asks_all else "incoming"
        differences = reconcile.compare(
            connection, department, table, incoming.columns, told, by_day=extract.by_day, scope=scope
        )
    held = batch_id if landed or refused or deleted else None
    ledger.record_success(connection, department.id, table.name, extract.cursor_to(), held)
    return _Landed(read, landed, refused, deleted, held, tuple(differences), doubt)


def _note_deleted(
    connection: psycopg.Connection,
    department: Department,
    table: Table,
    extract: Extract,
    incoming: Incoming,
    batch_id: int,
) -> tuple[int, YidangError | None]:
    """Keys that raw has and the source has no more. Of too many at once none is noted, which stops no landing."""
    if extract.is_whole:
        incoming.keep_keys(table)
    else:
        deletions.hold_keys(connection, table, extract.keys())
    try:
        return deletions.note(connection, department, table, batch_id), None
    except deletions.NotBelieved as doubt:
        return 0, doubt


def _widen(
    settings: Settings, connection: psycopg.Connection, department: Department, table: Table, found: Sequence[str]
) -> list[str]:
    """Add columns that the source has gained to the raw table (in a transaction of its own) and note them as drift."""
    held = raw.columns(connection, department, table)
    new = [column for column in found if column not in held]
    if new:
        with ledger.ddl(settings) as other:
            raw.add_columns(other, department, table, new)
            drift.note(other, department, table, "added", new)
        held = raw.columns(connection, department, table)
    return held
