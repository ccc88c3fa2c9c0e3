"""The progress display of long commands: which step runs, and how long each took."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager

from rich.console import Console

# In a file or a pipe there is no edge to wrap at; the usual 80 columns would cut Chinese names short.
console = Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else 140)
# For what is said beside a result that goes to stdout, such as a CSV.
aside = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else 140)


class Progress:
    """Prints one line per step: a spinner while it runs on a terminal, its seconds when it is done."""

    def __init__(self, title: str, to: Console = console) -> None:
        self.started = time.monotonic()
        self.steps: list[tuple[str, float]] = []
        self.console = to
        self.console.print(f"[bold]{title}[/bold]")

    @contextmanager
    def step(self, label: str) -> Iterator[Callable[[str], None]]:
        """Yields a function that shows, on a terminal, what the step is at."""
        began = time.monotonic()
        with self._announced(label) as show:
            yield show
        self._done(label, time.monotonic() - began)

    def beside(self, pool: Executor, work: Callable[..., object], *arguments: object) -> Future[float]:
        """Begin work that runs while other steps do; `join` waits for it."""

        def timed() -> float:
            began = time.monotonic()
            work(*arguments)
            return time.monotonic() - began

        return pool.submit(timed)

    def join(self, label: str, running: Future[float]) -> None:
        """Wait for what `beside` began. Its line shows how long the work itself took, not how long was waited."""
        with self._announced(label):
            seconds = running.result()
        self._done(label, seconds, ", beside what is above")

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    @contextmanager
    def _announced(self, label: str) -> Iterator[Callable[[str], None]]:
        began = time.monotonic()
        try:
            if self.console.is_terminal:
                with self.console.status(label) as status:
                    yield lambda detail: status.update(f"{label}: {detail}")
            else:  # CI or a log file: say what begins, so that a hang shows its place
                print(f"  … {label}", flush=True, file=self.console.file)
                yield lambda detail: None
        except BaseException:
            self.console.print(f"  [red]✗[/red] {label}  ({time.monotonic() - began:.1f} s)")
            raise

    def _done(self, label: str, seconds: float, remark: str = "") -> None:
        self.steps.append((label, seconds))
        self.console.print(f"  [green]✓[/green] {label}  [dim]{seconds:.1f} s{remark}[/dim]")
