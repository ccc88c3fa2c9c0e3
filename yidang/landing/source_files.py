"""A drop folder: which files are new, are they whole, and a copy of each kept by its content before it is read."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg

from yidang.contracts import Department, Table, references, resolve
from yidang.errors import YidangError
from yidang.settings import Settings

SETTLE_SECONDS = 1.0


@dataclass(frozen=True)
class DroppedFile:
    """A file of the folder as it was when we looked."""

    path: Path
    size: int
    modified_ns: int

    @property
    def name(self) -> str:
        return self.path.name

    def is_unchanged(self) -> bool:
        try:
            return _look(self.path) == self
        except FileNotFoundError:
            return False


def new_files(
    settings: Settings, department: Department, table: Table, connection: psycopg.Connection
) -> list[DroppedFile]:
    """Files of the folder that were not taken yet, by name; files still being written are left for the next pull."""
    source = department.source
    folder = settings.root / resolve(settings, source.folder)
    if not folder.is_dir():
        raise YidangError(
            f"{department.id}: the drop folder does not exist or cannot be read.",
            f"Mount it, or correct {references(source.folder) or 'source.folder'}.",
        )
    taken = set(
        connection.execute(
            "select file_name, size_bytes, modified_ns from landing.file where department = %s and table_name = %s",
            (department.id, table.name),
        ).fetchall()
    )
    found = [_look(path) for path in sorted(folder.glob(table.pattern)) if path.is_file()]
    new = [file for file in found if (file.name, file.size, file.modified_ns) not in taken]
    young = [file for file in new if time.time_ns() - file.modified_ns < SETTLE_SECONDS * 1e9]
    if young:
        time.sleep(SETTLE_SECONDS)
    return [file for file in new if file not in young or file.is_unchanged()]


def archive(settings: Settings, file: DroppedFile) -> tuple[str, Path] | None:
    """Copy the file to <home>/archive/<first two>/<sha256>. Returns (sha256, path), None if it changed meanwhile."""
    folder = settings.home / "archive"
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"partial.{os.getpid()}"
    digest = hashlib.sha256()
    with file.path.open("rb") as reader, partial.open("wb") as writer:
        while block := reader.read(1 << 20):
            digest.update(block)
            writer.write(block)
        writer.flush()
        os.fsync(writer.fileno())
    if not file.is_unchanged():
        partial.unlink()
        return None
    sha256 = digest.hexdigest()
    kept = folder / sha256[:2] / sha256
    kept.parent.mkdir(exist_ok=True)
    partial.replace(kept)
    return sha256, kept


def is_known(connection: psycopg.Connection, department: Department, table: Table, sha256: str) -> bool:
    """Was this content landed before, under whatever name?"""
    row = connection.execute(
        "select 1 from landing.file where department = %s and table_name = %s and file_sha256 = %s limit 1",
        (department.id, table.name, sha256),
    )
    return row.fetchone() is not None


def remember(
    connection: psycopg.Connection, department: Department, table: Table, file: DroppedFile, sha256: str, rows: int
) -> None:
    connection.execute(
        "insert into landing.file (department, table_name, file_name, file_sha256, size_bytes, modified_ns, rows_read,"
        " taken_at) values (%s, %s, %s, %s, %s, %s, %s, now()) on conflict (department, table_name, file_name,"
        " file_sha256) do update set size_bytes = excluded.size_bytes, modified_ns = excluded.modified_ns",
        (department.id, table.name, file.name, sha256, file.size, file.modified_ns, rows),
    )


def _look(path: Path) -> DroppedFile:
    status = path.stat()
    return DroppedFile(path, status.st_size, status.st_mtime_ns)
