"""What stands around every measurement: a scratch warehouse, the watch on memory, the stamped line of JSON.

Standard library alone until a warehouse is asked for: demo.py measures a clone that has no environment yet.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yidang.settings import Settings

# How the contract of a department that is only measured begins.
HEADER = """
name: 测速局
short_name: 测速
english_name: Benchmark
description: Made-up rows.
leaves_out: Nothing.
owner: benchmark
example: true
schedule: "0 6 * * *"
freshness_hours: 24
"""


@contextmanager
def scratch_warehouse() -> Iterator[Settings]:
    """An empty warehouse in this installation's PostgreSQL, dropped at the end; the server is left as it was found."""
    from yidang import settings as settings_module
    from yidang.services import postgres, warehouse

    settings = settings_module.load()
    started = not settings.admin_url and postgres.start(settings, postgres.WAREHOUSE)
    try:
        warehouse.prepare(settings)
        with warehouse.scratch(settings) as scratch:
            yield scratch
    finally:
        if started:
            postgres.stop(settings, postgres.WAREHOUSE)


@contextmanager
def installation(events: int | None) -> Iterator[Settings]:
    """The installation of this clone, or one of its own in a temporary folder, with a warehouse of so many events."""
    from yidang import settings as settings_module

    if not events:
        yield settings_module.load()
        return
    import build_facts

    from yidang.services import postgres, warehouse

    folder = tempfile.mkdtemp(prefix="yidang-benchmark-")
    os.environ |= {"YIDANG_HOME": folder, "YIDANG_PORT_BASE": str(_free_port_base())}
    settings = settings_module.load()
    try:
        postgres.start(settings, postgres.WAREHOUSE)
        warehouse.prepare(settings)
        departments = build_facts.land_world(settings, events // 5, max(1, events // 250))
        build_facts.timed_build(settings, build_facts.LAST_DAY, departments)
        yield settings
    finally:
        postgres.stop(settings, postgres.WAREHOUSE)
        postgres.remove(settings)
        shutil.rmtree(folder, ignore_errors=True)


def _free_port_base() -> int:
    from yidang.settings import PORT_OFFSETS

    for base in range(20_000, 24_000, 20):
        try:
            for offset in PORT_OFFSETS.values():
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", base + offset))
            return base
        except OSError:
            continue
    sys.exit("No free ports between 20000 and 24000.")


def print_result(benchmark: str, result: dict) -> None:
    """The result as one line of JSON that says what was measured, when and where."""
    stamp = {
        "benchmark": benchmark,
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
    }
    print(json.dumps(stamp | result, ensure_ascii=False))


class MemoryWatch:
    """Samples the memory of all processes whose working folder lies in one of `folders`."""

    def __init__(self, folders: list[Path]) -> None:
        self.folders = tuple(str(folder) for folder in folders)
        self.peak_mib = self.last_mib = 0
        self._stop = threading.Event()

    def __enter__(self) -> MemoryWatch:
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._stop.wait(1.0):
            self.last_mib = sum(filter(None, map(self._pss_kib, Path("/proc").glob("[0-9]*")))) // 1024
            self.peak_mib = max(self.peak_mib, self.last_mib)

    def _pss_kib(self, process: Path) -> int:
        try:
            if not os.readlink(process / "cwd").startswith(self.folders):
                return 0
            for line in (process / "smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    return int(line.split()[1])
        except OSError:  # gone meanwhile, or another user's
            return 0
        return 0
