"""A real MariaDB on a free loopback port, in a temporary folder of its own; stopped by pid and deleted at the end."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pymysql
from conftest import free_port_base

PASSWORD = "a@b:c/密"  # noqa: S105 characters that a URL must quote


@contextmanager
def mariadb_server(*options: str) -> Iterator[int]:
    """Gives the port. Two accounts with PASSWORD: `owner` may everything, `reader` only select."""
    daemon = shutil.which("mariadbd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    assert daemon, "mariadbd is missing: `make test` installs it (scripts/setup_test_tools.py)"
    folder = Path(tempfile.mkdtemp(prefix="yidang-mariadb-"))
    port = free_port_base()
    account = ["--user=root"] if os.geteuid() == 0 else []
    (folder / "setup.sql").write_text(
        "set names utf8mb4;\n"
        + "".join(
            f"create user {name}@'127.0.0.1' identified by '{PASSWORD}';\ngrant {right} on *.* to {name}@'127.0.0.1';\n"
            for name, right in (("owner", "all privileges"), ("reader", "select"))
        ),
        encoding="utf-8",
    )
    data = folder / "data"
    subprocess.run(
        [
            "mariadb-install-db",
            "--no-defaults",
            f"--datadir={data}",
            "--auth-root-authentication-method=normal",
            *account,
        ],
        check=True,
        capture_output=True,
    )
    server = subprocess.Popen(
        [
            daemon, "--no-defaults", f"--datadir={data}", f"--port={port}", "--bind-address=127.0.0.1",
            f"--socket={folder / 'socket'}", f"--pid-file={folder / 'pid'}", f"--init-file={folder / 'setup.sql'}",
            "--skip-name-resolve", "--character-set-server=utf8mb4", *account, *options,
        ],
        stdout=subprocess.DEVNULL,
        stderr=(folder / "log").open("wb"),
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                connect(port).close()
                break
            except pymysql.err.OperationalError:
                assert server.poll() is None and time.monotonic() < deadline, (folder / "log").read_text("utf-8")
                time.sleep(0.1)
        yield port
    finally:
        server.terminate()
        server.wait(timeout=60)
        shutil.rmtree(folder, ignore_errors=True)


def connect(port: int) -> pymysql.Connection:
    """The owner's connection (autocommit)."""
    return pymysql.connect(
        host="127.0.0.1", port=port, user="owner", password=PASSWORD.encode(), charset="utf8mb4", autocommit=True
    )
