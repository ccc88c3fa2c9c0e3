"""A drop folder: which files are new, are they whole, and a copy of each kept by its content before it is read."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from yidang.contracts import Department, Table, references, resolve
from yidang.errors import YidangError
from yidang.landing.drop import Drop, DroppedFile
from yidang.landing.drop_local import LocalDrop
from yidang.settings import Settings

SETTLE_SECONDS = 1.0


@contextmanager
def open_drop(settings: Settings, department: Department) -> Iterator[Drop]:
    """The department's drop folder. Raises YidangError when it is not there or does not let us in."""
    source = department.source
    _clear_abandoned(settings.home / "archive")
    if source.sftp:
        from yidang.landing.drop_sftp import SftpDrop  # most pulls need no SSH

        with SftpDrop(settings, department) as drop:
            yield drop
        return
    folder = settings.root / resolve(settings, source.folder)
    if not folder.is_dir():
        raise YidangError(
            f"{department.id}: the drop folder does not exist or cannot be read.",
            f"Mount it, or correct {references(source.folder) or 'source.folder'}.",
        )
    yield LocalDrop(folder, department.id)


def new_files(drop: Drop, department: Department, table: Table, connection: psycopg.Connection) -> list[DroppedFile]:
    """Files of the folder that were not taken yet, by name.

    Left for the next pull: files still being written, and those whose marker (`ready_marker`) is not there yet.
    """
    taken = set(
        connection.execute(
            "select file_name, size_bytes, modified_ns from landing.file where department = %s and table_name = %s",
            (department.id, table.name),
        ).fetchall()
    )
    found = drop.list(table.pattern)
    if marker := department.source.ready_marker:
        ready = {file.name.removesuffix(marker) for file in drop.list(table.pattern + marker)}
        found = [file for file in found if file.name in ready and not file.name.endswith(marker)]
    new = [file for file in found if (file.name, file.size, file.modified_ns) not in taken]
    young = {file for file in new if not drop.shares_our_clock or _age_seconds(file) < SETTLE_SECONDS}
    if young:
        time.sleep(SETTLE_SECONDS)
    return [file for file in new if file not in young or drop.stat(file.name) == file]


def archive(settings: Settings, drop: Drop, department: Department, file: DroppedFile) -> tuple[str, Path] | None:
    """Copy the file to <home>/archive/<first two>/<sha256>. Returns (sha256, path), None if it changed meanwhile.

    Raises YidangError when the name is no text, the file is too large, or it cannot be read to its end.
    """
    _check(department, file)
    folder = settings.home / "archive"
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"partial.{os.getpid()}"
    digest = hashlib.sha256()
    try:
        with drop.open(file) as reader, partial.open("wb") as writer:
            # A file that grows while it is copied has no end; what was listed is enough to see that it changed.
            while writer.tell() <= file.size and (block := reader.read(1 << 20)):
                digest.update(block)
                writer.write(block)
            size = writer.tell()
            writer.flush()
            os.fsync(writer.fileno())
        if size != file.size or drop.stat(file.name) != file:
            return None
        sha256 = digest.hexdigest()
        kept = folder / sha256[:2] / sha256
        kept.parent.mkdir(exist_ok=True)
        partial.replace(kept)
    finally:
        partial.unlink(missing_ok=True)
    return sha256, kept


def _clear_abandoned(folder: Path) -> None:
    """What killed pulls were copying; one at work has written to its own within the hour."""
    for path in folder.glob("partial.*"):
        with suppress(FileNotFoundError):  # another pull may clear it too, or be done with it
            if path.stat().st_mtime < time.time() - 3600:
                path.unlink()


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


def _check(department: Department, file: DroppedFile) -> None:
    shown = file.name.encode("utf-8", "backslashreplace").decode()
    if shown != file.name:
        raise YidangError(
            f"{department.id} ({shown}): the file's name is not UTF-8, so it can be named nowhere.",
            "Have it named in UTF-8; a mount of a Windows share has an option for it (iocharset=utf8).",
        )
    largest = department.source.format.largest_mib
    if file.size > largest << 20:
        raise YidangError(
            f"{department.id} ({shown}): the file has {file.size >> 20} MiB, more than the {largest} allowed.",
            "Ask the department for smaller files, or raise source.format.largest_mib.",
        )


def _age_seconds(file: DroppedFile) -> float:
    return (time.time_ns() - file.modified_ns) / 1e9
