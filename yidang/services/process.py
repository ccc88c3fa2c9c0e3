"""Background processes by pid file: start once, know whether they live, stop the whole process group."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from yidang.errors import YidangError
from yidang.settings import Settings


@dataclass(frozen=True)
class RunningProcess:
    name: str
    pid: int
    started: float


def find(settings: Settings, name: str) -> RunningProcess | None:
    """The live process of that name, or None. A recycled pid is told apart by its start time."""
    try:
        record = json.loads(_pid_file(settings, name).read_text(encoding="utf-8"))
        process = psutil.Process(record["pid"])
        if abs(process.create_time() - record["started"]) > 1 or process.status() == psutil.STATUS_ZOMBIE:
            return None
        return RunningProcess(name, record["pid"], record["started"])
    except (FileNotFoundError, psutil.NoSuchProcess, json.JSONDecodeError):
        return None


def start(
    settings: Settings,
    name: str,
    argv: list[str | Path],
    *,
    ready: Callable[[], bool],
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
    port: int | None = None,
    timeout_seconds: float = 120,
    wait: bool = True,
) -> bool:
    """Start `argv` in its own process group and wait until `ready()`. Returns False if it already ran.

    Output goes to log/<name>.log. Raises YidangError when the port is taken, the process dies or time runs out;
    the error carries the last lines of the log.
    """
    if find(settings, name):
        return False
    if port is not None:
        require_free_port(port, name)
    settings.log_dir.mkdir(parents=True, exist_ok=True)
    settings.run_dir.mkdir(parents=True, exist_ok=True)
    log = settings.log_dir / f"{name}.log"
    with log.open("ab") as out:
        child = subprocess.Popen(
            [str(part) for part in argv],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            cwd=cwd or settings.root,
            start_new_session=True,
        )
    record = {"pid": child.pid, "started": psutil.Process(child.pid).create_time()}
    _pid_file(settings, name).write_text(json.dumps(record), encoding="utf-8")
    if wait:
        wait_until_ready(settings, name, ready, timeout_seconds, child)
    return True


def wait_until_ready(
    settings: Settings,
    name: str,
    ready: Callable[[], bool],
    timeout_seconds: float,
    child: subprocess.Popen | None = None,
) -> None:
    """Wait for a process started with wait=False (so that several can start side by side)."""
    deadline = time.monotonic() + timeout_seconds
    while not ready():
        dead = child.poll() is not None if child else find(settings, name) is None
        if dead:
            raise YidangError(
                f"{name} stopped while starting:\n{log_tail(settings, name)}", f"Read {settings.log_dir / name}.log."
            )
        if time.monotonic() > deadline:
            raise YidangError(
                f"{name} was not ready after {timeout_seconds:.0f} s:\n{log_tail(settings, name)}",
                f"Read {settings.log_dir / name}.log; on a slow machine run the command again.",
            )
        time.sleep(0.2)


def stop(settings: Settings, name: str, timeout_seconds: float = 20) -> bool:
    """Stop the process and everything of its session: TERM, then KILL. Returns False if nothing was left of it."""
    family = _family(settings, name)
    for process in family:
        _signal(process, signal.SIGTERM)
    _, alive = psutil.wait_procs(family, timeout=timeout_seconds)
    alive = {*alive, *_family(settings, name)}  # what was forked meanwhile, what ignores TERM
    for process in alive:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(list(alive), timeout=5)
    _pid_file(settings, name).unlink(missing_ok=True)
    return bool(family)


def require_free_port(port: int, what: str) -> None:
    """Raise a YidangError that says who needs the port and how to choose others."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise YidangError(
                f"Port {port}, which {what} needs, is taken by another program.",
                "Stop that program, or choose other ports: YIDANG_PORT_BASE=28330 make demo",
            ) from None


def port_answers(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((host, port)) == 0


def log_tail(settings: Settings, name: str, lines: int = 15) -> str:
    log = settings.log_dir / f"{name}.log"
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 20_000))
        return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-lines:])


def _family(settings: Settings, name: str) -> list[psutil.Process]:
    """Every live process of the session that `start` opened, also when its leader is already dead.

    Airflow's workers outlive a killed scheduler. The kernel gives no new process the id of a session that still has
    members, so a session id of ours is only doubtful when a younger process now bears that pid: then it is a stranger.
    """
    try:
        record = json.loads(_pid_file(settings, name).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return []
    leader = record["pid"]
    if psutil.pid_exists(leader) and abs(psutil.Process(leader).create_time() - record["started"]) > 1:
        return []
    family = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE:
                family.append(process)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return family


def _signal(process: psutil.Process, number: int) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def _pid_file(settings: Settings, name: str) -> Path:
    return settings.run_dir / f"{name}.json"
