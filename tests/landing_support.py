"""What the tests of landing and gate share: contracts written to a file, source databases, HTTP servers."""

from __future__ import annotations

import json
import os
import socket
import socketserver
import struct
import textwrap
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import psycopg
import uvicorn
from starlette.applications import Starlette

from yidang import contracts
from yidang.contracts import Department
from yidang.landing import source_rest
from yidang.landing.extract import Request
from yidang.settings import Settings

COLUMNS = ["id", "asked_at", "topic", "updated_at"]
# Every ledger entry has exactly its rows, and every row has its ledger entry.
TORN = """
select count(*) from landing.batch full join
    (select _batch_id, count(*) as rows from raw_ceshi.question group by _batch_id) landed
    on landed._batch_id = batch.batch_id
where coalesce(batch.rows_landed, -1) <> coalesce(landed.rows, 0)
"""
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


def write_suite(settings: Settings, *expectations: dict) -> None:
    """The suite `own`, in the settings' own folder (conftest.own): half of a batch of four and more may be bad."""
    suite = {"name": "own", "meta": {"hold_above_share": 0.5, "hold_from_rows": 4}, "expectations": expectations}
    (settings.root / "expectations" / "own.json").write_text(json.dumps(suite), encoding="utf-8")


def expectation(severity: str, column: str, regex: str) -> dict:
    return {
        "type": "expect_column_values_to_match_regex",
        "kwargs": {"column": column, "regex": regex},
        "meta": {"severity": severity, "reason": "不合", "reason_en": "it does not fit"},
    }


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


class Asked(NamedTuple):
    """A request as a TCP server got it; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


RESET = b""  # in what a TCP server answers: break the connection off here


def answer(body: str | bytes, status: str = "200 OK", **headers: str) -> bytes:
    """An HTTP answer with its length, to be sent as it is or to be spoilt; Content_Type is the header Content-Type."""
    content = body.encode() if isinstance(body, str) else body
    named = {"Content-Length": str(len(content)), "Content-Type": "application/json", "Connection": "close"}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    return "".join([f"HTTP/1.1 {status}\r\n", *(f"{k}: {v}\r\n" for k, v in named.items()), "\r\n"]).encode() + content


@contextmanager
def tcp_server(answers: Callable[[Asked], Iterable[bytes]]) -> Iterator[str]:
    """A server that sends any bytes at all for a request, then closes. Gives its URL."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            method, target, _ = self.rfile.readline().decode().split()
            headers = {}
            while line := self.rfile.readline().strip().decode():
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
            body = self.rfile.read(int(headers.get("content-length", 0)))
            with suppress(ConnectionError):  # the client may have had enough
                for part in answers(Asked(method, target, headers, body)):
                    if part == RESET:
                        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        os.close(self.connection.detach())  # at once, and with RST instead of FIN
                        return
                    self.wfile.write(part)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join(timeout=10)


def read_rest(settings: Settings, department: Department, cursor: str | None = None) -> tuple[list[dict], list]:
    """(rows by column, refused rows) of a REST department's first table, without a warehouse."""
    found, refused = [], []

    class Copy:
        def __init__(self, columns: list[str]) -> None:
            self.columns = columns

        def write_row(self, row: tuple) -> None:
            found.append(dict(zip(self.columns, row, strict=True)))

    with source_rest.extract(settings, department, department.tables[0], Request(cursor)) as extract:
        for item in extract.items:
            if isinstance(item, list):
                refused.extend(item)
            else:
                item.write(Copy(item.columns))
    return found, refused
