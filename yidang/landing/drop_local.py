"""A drop folder on this machine, or mounted into it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from yidang.errors import YidangError
from yidang.landing.drop import DroppedFile


class LocalDrop:
    """See Drop. `where` begins every error: the department's id."""

    shares_our_clock = True

    def __init__(self, folder: Path, where: str) -> None:
        self.folder = folder.resolve()
        self.where = where

    def list(self, pattern: str) -> list[DroppedFile]:
        names = sorted(path.relative_to(self.folder).as_posix() for path in self.folder.glob(pattern))
        return [file for name in names if (file := self.stat(name)) is not None]

    def stat(self, name: str) -> DroppedFile | None:
        try:
            status = (self.folder / name).stat()
        except OSError:
            return None
        return DroppedFile(name, status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None

    @contextmanager
    def open(self, file: DroppedFile) -> Iterator[BinaryIO]:
        try:
            path = (self.folder / file.name).resolve(strict=True)
            if not path.is_relative_to(self.folder):
                raise YidangError(
                    f"{self.where} ({file.name}): the name leads out of the drop folder; the file was not read.",
                    "Put the file itself into the folder, not a link to it.",
                )
            # No link may take the place of what was just looked at.
            reader = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb")
        except FileNotFoundError:
            raise YidangError(
                f"{self.where} ({file.name}): the file is gone again; nothing of it was landed.",
                "Nothing to do if it was taken back; otherwise have it put there again.",
            ) from None
        except OSError as error:
            raise YidangError(
                f"{self.where} ({file.name}): the file cannot be read: {error.strerror}.",
                "Give Yidang's user the right to read it.",
            ) from None
        with reader:
            yield reader
