"""One pull of a department: every table (or file) in one transaction with its ledger entry, then the gate."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import wait
from dataclasses import dataclass
from datetime import date

import psycopg

from yidang import contracts, gate
from yidang.contracts import DatabaseSource, Department, Table
from yidang.errors import ConfigError, YidangError, without_values
from yidang.gate import quarantine
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
from yidang.landing.drift import ColumnsRefused
from yidang.landing.drop import Drop, DroppedFile
from yidang.landing.extract import Extract, Request
from yidang.landing.incoming import FirstLoad, Incoming
from yidang.landing.result import Landed, PullError, PullResult, TablePull
from yidang.settings import Settings

log = logging.getLogger(__name__)


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


def pull(
    settings: Settings,
    department: Department,
    *,
    run_id: str | None = None,
    since: date | None = None,
    until: date | None = None,
    dry_run: bool = False,
    reconcile_all: bool = False,
    tell: Callable[[str], None] = log.info,
) -> PullResult:
    """Land what is new of every table, then put the new batches through the gate.

    since, until: read the rows of these days of the cursor again (until: not included), and leave the cursor where it
    is. dry_run: land nothing, only count what would land. reconcile_all: compare not only what was read with what has
    landed, but all that the source has (it is read whole once more); only for databases. tell: takes the lines that say
    what came of it, also when it fails.
    A failing table does not stop the others. Raises PullError after all when a table failed or a batch of this pull is
    held; what landed stays landed, and the next pull goes on from there. A batch that an earlier pull brought and that
    is still held fails no later one, whose news would wait with it; the result names it.
    """
    require_request(since, until, dry_run=dry_run, reconcile_all=reconcile_all)
    ensure_landing(settings, [department])
    job = _Job(settings, department, run_id, since, until, dry_run, reconcile_all)
    asked = _tables(job)
    tables = [_pull_table(job, table) for table in asked]
    failed = [table for table in tables if table.error]
    # A secret that is not set fails every table alike, and is said once.
    sentences = list(dict.fromkeys(table.error for table in failed))
    judged: list[gate.GateResult] = []
    held: list[quarantine.Held] = []
    try:
        if dry_run:
            contracts.require_models(settings, [department])
            gate.require_suites(settings, department)
        else:
            judged = gate.check_pending(settings, department)
        sentences += [checked.reason for checked in judged if checked.state == "held"]
        new = {checked.batch_id for checked in judged}
        held = [batch for batch in quarantine.held(settings, department.id) if batch.batch_id not in new]
    except (YidangError, psycopg.Error) as error:
        sentences.append(str(error).strip())
    result = PullResult(department.id, tables, judged, held, _notes(job, asked), dry_run, reconcile_all)
    for line in result.lines():
        tell(line)
    if sentences:
        landed = sum(table.rows_landed for table in tables)
        cure = "Mend this and pull again."
        if any(checked.state == "held" for checked in judged):
            cure += f" What is held: {quarantine.cure(department.id)}"
        raise PullError(
            "\n".join(sentences),
            f"{cure} {len(tables) - len(failed)} of {len(tables)} tables of {department.id}"
            f" were read, {landed} new rows {'would land' if dry_run else 'landed; they stay'}.",
            result,
        )
    return result


def require_request(since: date | None, until: date | None, *, dry_run: bool, reconcile_all: bool) -> None:
    """Raise ConfigError for what no department can be asked for."""
    if since and until and since >= until:
        raise ConfigError(
            f"No day lies from {since} up to, not including, {until}.", "Give an --until that is later than --since."
        )
    if dry_run and reconcile_all:
        raise ConfigError("A dry run compares no days with the source.", "Leave out --dry-run or --reconcile.")


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
    tables = [table for table in job.department.tables if table.cursor]
    if not tables:
        raise ConfigError(
            f"{job.department.id}: none of its tables has a cursor, so no days can be asked for.",
            "Pull without --since and --until: it compares the whole table, or takes every file that is new.",
        )
    if job.until and job.department.source.kind == "rest":
        raise ConfigError(f"{job.department.id}: an API is asked for changes since a day.", "Leave out --until.")
    return tables


def _notes(job: _Job, asked: Sequence[Table]) -> list[str]:
    """What a range of days means, and which tables know no days."""
    if not job.is_range:
        return []
    begin, end = f"from {job.since}" if job.since else "", f"up to, not including, {job.until}" if job.until else "on"
    left_out = [table.name for table in job.department.tables if table not in asked]
    notes = [f"the days {f'{begin} {end}'.strip()} are read again; the cursor stays as it is."]
    if left_out:
        notes.append(f"left out, because they have no cursor: {', '.join(left_out)}. Without days they are read too.")
    return notes


def _pull_table(job: _Job, table: Table) -> TablePull:
    done = TablePull(table.name)
    started = time.monotonic()
    try:
        if job.department.source.kind == "files":
            _pull_files(job, table, done)
        else:
            _pull_rows(job, table, done)
    except ColumnsRefused as refusal:
        done.error = _noted(job, table, refusal)
    except YidangError as error:
        done.error = str(error)
    except (psycopg.Error, OSError) as error:
        done.error = f"{job.department.id}.{table.name}: {type(error).__name__}: {without_values(error)}"
    except Exception as error:  # whatever it is, the other tables and the gate go on
        log.exception("%s.%s", job.department.id, table.name)
        done.error = f"{job.department.id}.{table.name}: {type(error).__name__}: {error}. This is a mistake in Yidang."
    done.seconds = time.monotonic() - started
    if not job.dry_run:
        ledger.record_error(job.settings, job.department.id, table.name, done.error)
    return done


def _noted(job: _Job, table: Table, refusal: ColumnsRefused) -> str:
    """What the contract refuses is kept all the same, in a transaction of its own: the pull's was rolled back."""
    with ledger.connect(job.settings, "drift") as connection:
        refusal = refusal.beyond(raw.columns(connection, job.department, table))
        if not job.dry_run:
            for change, columns in refusal.changes.items():
                drift.note(connection, job.department, table, change, columns)
    return str(refusal)


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
            except ColumnsRefused as refusal:
                errors.append(_noted(job, table, refusal))
            except (YidangError, OSError) as error:
                errors.append(str(error))
            except psycopg.Error as error:
                if connection.closed:
                    raise
                said = without_values(error)
                errors.append(f"{department.id}.{table.name} ({file.name}): {said}; nothing of it landed.")
        if not errors and not job.dry_run:
            ledger.record_success(connection, department.id, table.name, None, None)
    if errors:
        raise YidangError("\n".join(dict.fromkeys(errors)))


def _pull_file(job: _Job, connection: psycopg.Connection, drop: Drop, table: Table, file: DroppedFile) -> Landed:
    archived = source_files.archive(job.settings, drop, job.department, file)
    if archived is None:
        return Landed()
    sha256, path = archived
    landed = Landed()
    if not source_files.is_known(connection, job.department, table, sha256):
        extract = Extract(items=file_formats.read(job.department, table, path, file.name))
        facts = {"run_id": job.run_id, "file_name": file.name, "file_sha256": sha256}
        landed = _land(job, connection, table, extract, facts)
    source_files.remember(connection, job.department, table, file, sha256, landed.rows_read)
    return landed


def _land(
    job: _Job, connection: psycopg.Connection, table: Table, extract: Extract, facts: dict[str, str | None]
) -> Landed:
    """Read an extract, add what is not held yet, write the ledger: all in the caller's transaction."""
    department = job.department
    changes = {"retyped": drift.check_types(connection, department, table, extract.types), "added": []}
    batch_id = ledger.new_batch_id(connection)

    def widen(found: Sequence[str]) -> list[str]:
        held, new = _widen(job, connection, table, found)
        changes["added"] += new
        return held

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
    changes["missing"] = drift.note_missing(connection, department, table, incoming.columns)
    held_columns = widen(incoming.columns)  # by another connection, for which a lock of ours would be in the way
    if not is_empty and not job.dry_run:
        raw.index(connection, department, table)
    landed = incoming.move_new(department, table, held_columns, batch_id, facts.get("file_name"))
    refused = incoming.move_refused(department, table, batch_id)
    deleted, doubt = (0, None)
    if table.deletes == "compare" and not is_empty:
        if told:
            wait([told])  # the source answers one question at a time
        deleted, doubt = _note_deleted(connection, department, table, extract, incoming, batch_id)
    if job.dry_run:  # what was done up to here is taken back by the caller
        return Landed(read, landed, refused, deleted, changes=changes, doubt=doubt)
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
    differences, compared = (), None
    if told:
        scope = "first load" if is_first else "all" if asks_all else "incoming"
        differences = reconcile.compare(
            connection, department, table, incoming.columns, told, by_day=extract.by_day, scope=scope
        )
        compared = reconcile.compared(connection, department, table)
    held = batch_id if landed or refused or deleted else None
    ledger.record_success(connection, department.id, table.name, extract.cursor_to(), held)
    return Landed(read, landed, refused, deleted, held, changes, compared, tuple(differences), doubt)


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
    job: _Job, connection: psycopg.Connection, table: Table, found: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Add columns that the source has gained to the raw table (in a transaction of its own) and note them as drift.

    Returns the columns that the table has then, and the new ones. A dry run adds none.
    """
    held = raw.columns(connection, job.department, table)
    new = [column for column in found if column not in held]
    if new and not job.dry_run:
        with ledger.ddl(job.settings) as other:
            raw.add_columns(other, job.department, table, new)
            drift.note(other, job.department, table, "added", new)
        held = raw.columns(connection, job.department, table)
    return held, new
