"""What the tests of landing and gate share: contracts written to a file, source databases, HTTP servers."""

from __future__ import annotations

import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import uvicorn
from starlette.applications import Starlette

from yidang import contracts
from yidang.contracts import Department
from yidang.settings import Settings

COLUMNS = ["id", "asked_at", "topic", "updated_at"]
HEAD = """
name: 测试局
short_name: 测试
english_name: Test Bureau
description: Made up for a test.
leaves_out: Everything else.
owner: tests
example: true
schedule: "0 7 * * *"
freshness_hours: 24
"""


def write_contract(folder: Path, department: str, source: str, tables: str) -> Path:
    """departments-style YAML from its two indented parts."""
    path = folder / f"{department}.yml"
    text = f"{HEAD}source:\n{textwrap.indent(textwrap.dedent(source).strip(), '  ')}\n"
    path.write_text(f"{text}tables:\n{textwrap.indent(textwrap.dedent(tables).strip(), '  ')}\n", encoding="utf-8")
    return path


def load(settings: Settings, folder: Path, department: str, source: str, tables: str) -> Department:
    return contracts.load_department(settings, write_contract(folder, department, source, tables))


def table(
    name: str = "question", extra: str = "", columns: list[str] | None = None, suite: str = "hall_question"
) -> str:
    """YAML of one table of questions; `extra` are further lines such as `cursor: …`."""
    lines = [f"- name: {name}", "  description: a question", "  key: [id]", f"  suite: {suite}"]
    lines += [f"  {line}" for line in extra.splitlines()]
    return "\n".join([*lines, f"  columns: [{', '.join(columns or COLUMNS)}]", ""])


def rows(warehouse: psycopg.Connection, relation: str, columns: str = "*") -> list[tuple]:
    """All rows of a raw table in the order in which they landed."""
    return warehouse.execute(f"select {columns} from {relation} order by _batch_id, _row_number").fetchall()  # noqa: S608


def count(warehouse: psycopg.Connection, relation: str) -> int:
    return warehouse.execute(f"select count(*) from {relation}").fetchone()[0]  # noqa: S608


@contextmanager
def database(district_dsn: str, name: str) -> Iterator[psycopg.Connection]:
    """A source database of the test's own (autocommit); dropped at the end."""
    with psycopg.connect(district_dsn, autocommit=True) as admin:
        admin.execute(f"drop database if exists {name} with (force)")
        admin.execute(f"create database {name} template template0 encoding 'UTF8'")
        try:
            with psycopg.connect(district_dsn.rsplit("/", 1)[0] + f"/{name}", autocommit=True) as connection:
                yield connection
        finally:
            admin.execute(f"drop database {name} with (force)")


@contextmanager
def http_server(app: Starlette) -> Iterator[str]:
    """A real HTTP server on a free loopback port, in a thread. Gives its URL."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
