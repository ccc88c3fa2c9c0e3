"""Ad-hoc queries with the read-only role: CSV out, streamed, memory bounded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import DiagnosticField, ExecStatus

from yidang.errors import ConfigError, first_line, no_connection
from yidang.settings import Settings

EXAMPLE = 'Try: yidang sql "select * from fct_project_lifecycle limit 5"'


@contextmanager
def reader(settings: Settings, **options: object) -> Iterator[psycopg.Connection]:
    """A connection of the read-only role. options: as psycopg.connect takes them.

    Raises YidangError when the warehouse does not answer or stops answering, ConfigError when it refuses the login.
    """
    try:
        with psycopg.connect(settings.dsn("reader"), connect_timeout=10, **options) as connection:
            yield connection
    except psycopg.OperationalError as error:
        raise no_connection(
            "The warehouse",
            error,
            start="Start it: make demo",
            login="Is secrets.json the one that the warehouse was prepared with? `make demo` sets the passwords anew.",
        ) from None


def write_csv(settings: Settings, query: str, output: BinaryIO) -> None:
    """Write the result of one SELECT to `output` as UTF-8 CSV with a header.

    Raises ConfigError with the server's message if the query is wrong or not allowed for the reader.
    """
    statement = query.strip().rstrip(";")
    with reader(settings, options="-c search_path=marts") as connection:
        try:
            _require_select(connection, statement)
            with connection.cursor().copy(f"copy ({statement}\n) to stdout with (format csv, header)") as rows:  # noqa: S608
                for block in rows:
                    output.write(block)
            output.flush()
        except psycopg.Error as error:
            said = error.diag.message_primary or first_line(error)
            hint = f" ({error.diag.message_hint})" if error.diag.message_hint else ""
            cure = _tables(connection) if isinstance(error, psycopg.errors.UndefinedTable) else EXAMPLE
            raise ConfigError(f"The query failed: {said}{hint}", cure) from None


def _require_select(connection: psycopg.Connection, statement: str) -> None:
    """Prepare the statement alone, which proves that it is one whole SELECT before it is put inside another statement.

    Raises psycopg.Error for what the server does not understand, ConfigError for what is no SELECT.
    """
    prepared = connection.pgconn.prepare(b"", statement.encode())
    if prepared.status == ExecStatus.COMMAND_OK:
        # explain and show have columns too, yet cannot be copied.
        columns = connection.pgconn.describe_prepared(b"").nfields
        is_select = columns > 0 and statement.lstrip("( \t\r\n").split()[0].lower() not in ("explain", "show")
    elif prepared.error_field(DiagnosticField.SOURCE_FUNCTION) == b"exec_parse_message":
        is_select = False  # several statements: the parser understood each, the server takes one
    else:
        raise error_from_result(prepared)
    if not is_select:
        raise ConfigError("Give one SELECT (or WITH … SELECT).", EXAMPLE)


def _tables(connection: psycopg.Connection) -> str:
    connection.rollback()  # the query that failed
    relations = "select relname from pg_class where relnamespace = to_regnamespace('marts') and relkind in ('r', 'v')"
    rows = connection.execute(f"{relations} order by 1").fetchall()
    return f"The tables of marts: {', '.join(name for (name,) in rows)}." if rows else "Build the marts: yidang build"
