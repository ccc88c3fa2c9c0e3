"""The progress display of long commands: which step runs, and how long each took."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

console = Console(file=sys.stdout, highlight=False)


class Progress:
    """Prints one line per step: a spinner while it runs on a terminal, its seconds when it is done."""

    def __init__(self, title: str) -> None:
        self.started = time.monotonic()
        self.steps: list[tuple[str, float]] = []
        console.print(f"[bold]{title}[/bold]")

    @contextmanager
    def step(self, label: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            with console.status(label) if console.is_terminal else _announce(label):
                yield
        except BaseException:
            console.print(f"  [red]✗[/red] {label}  ({time.monotonic() - began:.1f} s)")
            raise
        seconds = time.monotonic() - began
        self.steps.append((label, seconds))
        console.print(f"  [green]✓[/green] {label}  [dim]{seconds:.1f} s[/dim]")

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started


@contextmanager
def _announce(label: str) -> Iterator[None]:
    """Without a terminal (CI, a log file) say what begins, so that a hang shows its place."""
    print(f"  … {label}", flush=True)
    yield
