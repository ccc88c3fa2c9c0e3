"""One pull of a department: every table (or file) in one transaction with its ledger entry, then the gate."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import psycopg

from yidang import gate
from yidang.contracts import Department, Table
from yidang.errors import YidangError, first_line
from yidang.landing import file_formats, ledger, raw, source_files, source_postgres, source_rest
from yidang.landing.drop import Drop, DroppedFile
from yidang.landing.extract import Extract
from yidang.landing.incoming import Incoming
from yidang.settings import Settings


@dataclass
class TablePull:
    """What one table brought. `error` is None when all of it was read; rows and seconds are totals over its batches."""

    table: str
    rows_read: int = 0
    rows_landed: int = 0
    rows_quarantined: int = 0
    batch_ids: list[int] = field(default_factory=list)
    seconds: float = 0.0
    error: str | None = None

    def add(self, landed: _Landed) -> None:
        """Count what a transaction brought, once it is committed."""
        self.rows_read += landed.rows_read
        self.rows_landed += landed.rows_landed
        self.rows_quarantined += landed.rows_quarantined
        if landed.batch_id is not None:
            self.batch_ids.append(landed.batch_id)


@dataclass(frozen=True)
class _Landed:
    rows_read: int = 0
    rows_landed: int = 0
    rows_quarantined: int = 0
    batch_id: int | None = None


@dataclass(frozen=True)
class PullResult:
    department: str
    tables: list[TablePull]
    gate: list[gate.GateResult]


class PullError(YidangError):
    """Some tables failed or were held; `result` tells what the others brought, which is landed and stays."""

    def __init__(self, what: str, cure: str, result: PullResult) -> None:
        super().__init__(what, cure)
        self.result = result


def pull(settings: Settings, department: Department, *, run_id: str | None = None) -> PullResult:
    """Land what is new of every table, then put the new batches through the gate.

    A failing table does not stop the others. Raises PullError after all when a table failed or a batch is held;
    what landed stays landed, and the next pull goes on from there.
    """
    ensure_landing(settings, [department])
    tables = [_pull_table(settings, department, table, run_id) for table in department.tables]
    failed = [table for table in tables if table.error]
    # A secret that is not set fails every table alike, and is said once.
    sentences = list(dict.fromkeys(table.error for table in failed))
    judged: list[gate.GateResult] = []
    try:
        judged = gate.check_pending(settings, department)
        sentences += [checked.reason for checked in judged if checked.state == "held"]
    except (YidangError, psycopg.Error) as error:
        sentences.append(str(error).strip())
    result = PullResult(department.id, tables, judged)
    if sentences:
        landed = sum(table.rows_landed for table in tables)
        raise PullError(
            "\n".join(sentences),
            f"Mend this and pull again. {len(tables) - len(failed)} of {len(tables)} tables of {department.id}"
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


def _pull_table(settings: Settings, department: Department, table: Table, run_id: str | None) -> TablePull:
    done = TablePull(table.name)
    started = time.monotonic()
    try:
        if department.source.kind == "files":
            _pull_files(settings, department, table, run_id, done)
        else:
            _pull_rows(settings, department, table, run_id, done)
    except YidangError as error:
        done.error = str(error)
    except (psycopg.Error, OSError) as error:
        done.error = f"{department.id}.{table.name}: {type(error).__name__}: {str(error).strip()}"
    done.seconds = time.monotonic() - started
    ledger.record_error(settings, department.id, table.name, done.error)
    return done


def _pull_rows(settings: Settings, department: Department, table: Table, run_id: str | None, done: TablePull) -> None:
    source = {"postgres": source_postgres, "rest": source_rest}[department.source.kind]
    with ledger.connect(settings, f"pull {department.id}") as connection:
        ledger.lock_table(connection, department.id, table.name)
        cursor = ledger.cursor_value(connection, department.id, table.name)
        with source.extract(settings, department, table, cursor) as extract:
            landed = _land(settings, connection, department, table, extract, {"run_id": run_id})
    done.add(landed)


def _pull_files(settings: Settings, department: Department, table: Table, run_id: str | None, done: TablePull) -> None:
    """Every new file in a transaction of its own. A file that cannot be read does not keep the others from landing."""
    errors = []
    with (
        source_files.open_drop(settings, department) as drop,
        ledger.connect(settings, f"pull {department.id}") as connection,
    ):
        files = source_files.new_files(drop, department, table, connection)
        connection.commit()
        for file in files:
            try:
                with connection.transaction():
                    ledger.lock_table(connection, department.id, table.name)
                    landed = _pull_file(settings, connection, drop, department, table, file, run_id)
                done.add(landed)
            except (YidangError, OSError) as error:
                errors.append(str(error))
            except psycopg.Error as error:
                if connection.closed:
                    raise
                errors.append(f"{department.id}.{table.name} ({file.name}): {first_line(error)}; nothing of it landed.")
        if not errors:
            ledger.record_success(connection, department.id, table.name, None, None)
    if errors:
        raise YidangError("\n".join(dict.fromkeys(errors)))


def _pull_file(
    settings: Settings,
    connection: psycopg.Connection,
    drop: Drop,
    department: Department,
    table: Table,
    file: DroppedFile,
    run_id: str | None,
) -> _Landed:
    archived = source_files.archive(settings, drop, department, file)
    if archived is None:
        return _Landed()
    sha256, path = archived
    landed = _Landed()
    if not source_files.is_known(connection, department, table, sha256):
        extract = Extract(items=file_formats.read(department, table, path, file.name))
        facts = {"run_id": run_id, "file_name": file.name, "file_sha256": sha256}
        landed = _land(settings, connection, department, table, extract, facts)
    source_files.remember(connection, department, table, file, sha256, landed.rows_read)
    return landed


def _land(
    settings: Settings,
    connection: psycopg.Connection,
    department: Department,
    table: Table,
    extract: Extract,
    facts: dict[str, str | None],
) -> _Landed:
    """Stage an extract, add what is not held yet, write the ledger: all in the caller's transaction."""
    incoming = Incoming(connection)
    for item in extract.items:
        incoming.refuse(item) if isinstance(item, list) else incoming.add(item)
    if extract.overlapping and incoming.rows:
        incoming.drop_repeats()
    batch_id, landed, refused = None, 0, 0
    if incoming.rows or incoming.refused:
        held_columns = _widen(settings, connection, department, table, incoming.columns)
        batch_id = ledger.new_batch_id(connection)
        landed = incoming.move_new(department, table, held_columns, batch_id, facts.get("file_name"))
        refused = incoming.move_refused(department, table, batch_id)
        if landed or refused:
            ledger.add_batch(
                connection,
                batch_id,
                department=department.id,
                table_name=table.name,
                cursor_from=extract.cursor_from,
                cursor_to=extract.cursor_to(),
                rows_read=incoming.rows + incoming.refused,
                rows_landed=landed,
                rows_quarantined=refused,
                **facts,
            )
        else:
            batch_id = None
    ledger.record_success(connection, department.id, table.name, extract.cursor_to(), batch_id)
    return _Landed(incoming.rows + incoming.refused, landed, refused, batch_id)


def _widen(
    settings: Settings, connection: psycopg.Connection, department: Department, table: Table, found: Sequence[str]
) -> list[str]:
    """Add columns that the source has gained to the raw table (in a transaction of its own) and note them as drift."""
    held = raw.columns(connection, department, table)
    new = [column for column in found if column not in held]
    if new:
        with ledger.ddl(settings) as other:
            raw.add_columns(other, department, table, new)
            raw.record_drift(other, department, table, new)
        held = raw.columns(connection, department, table)
    return held
