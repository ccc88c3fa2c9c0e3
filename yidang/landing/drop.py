"""What a drop folder must offer, wherever it lies: list, look again, read."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO, Protocol


@dataclass(frozen=True)
class DroppedFile:
    """A file of the folder as it was when we looked. `name` is its path below the folder, with "/"."""

    name: str
    size: int
    modified_ns: int


class Drop(Protocol):
    """A drop folder.

    list: regular files whose path below the folder fits the pattern, by name.
    stat: the file as it is now; None when it is gone.
    open: its bytes. Raises YidangError when it is gone, leads out of the folder, or the connection breaks.
    shares_our_clock: whether modified_ns may be compared with this machine's time.
    """

    shares_our_clock: bool

    def list(self, pattern: str) -> list[DroppedFile]: ...

    def stat(self, name: str) -> DroppedFile | None: ...

    def open(self, file: DroppedFile) -> AbstractContextManager[BinaryIO]: ...
