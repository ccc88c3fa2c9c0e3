"""Builds beside the real marts, in schemas of their own that go at the end: nothing that serves is touched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg
from psycopg import sql

from yidang.errors import YidangError
from yidang.settings import Settings

_SCHEMAS = ("seeds", "staging", "intermediate", "marts", "personal")


@contextmanager
def schemas(settings: Settings, prefixes: Sequence[str], who: str) -> Iterator[psycopg.Connection]:
    """The transformer's connection (autocommit). The schemas of these prefixes go at the end, and first what a killed
    run left. who: what is running, for whoever asks for the same meanwhile and is refused with YidangError.
    """
    with psycopg.connect(settings.dsn("transformer"), autocommit=True) as connection:
        lock = f"yidang beside {' '.join(prefixes)}"
        (free,) = connection.execute("select pg_try_advisory_lock(hashtext(%s))", (lock,)).fetchone()
        if not free:
            raise YidangError(f"Another {who} is running.", "Run it again when that one has ended.")
        _drop(connection, prefixes)
        try:
            yield connection
        finally:
            _drop(connection, prefixes)


def _drop(connection: psycopg.Connection, prefixes: Sequence[str]) -> None:
    for prefix in prefixes:
        for name in _SCHEMAS:
            connection.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(f"{prefix}{name}")))
