"""Ad-hoc queries with the read-only role: CSV out, streamed, memory bounded."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import DiagnosticField, ExecStatus

from yidang.errors import ConfigError, YidangError, first_line, no_connection
from yidang.settings import Settings

EXAMPLE = 'Try: yidang sql "select * from fct_project_lifecycle limit 5"'
LIST = "yidang sql \"select table_name from information_schema.tables where table_schema = 'marts' order by 1\""


@contextmanager
def reader(settings: Settings, **options: object) -> Iterator[psycopg.Connection]:
    """A connection of the read-only role. options: as psycopg.connect takes them.

    Raises YidangError when the warehouse does not answer, stops answering or breaks a query off, ConfigError when it
    refuses the login.
    """
    try:
        with psycopg.connect(settings.dsn("reader"), connect_timeout=10, **options) as connection:
            yield connection
    except psycopg.errors.QueryCanceled as error:
        raise YidangError(
            f"The warehouse broke a query off: {first_line(error)}.", "Ask for less at once, or when less is going on."
        ) from None
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
            where = _place(statement, error)
            raise ConfigError(f"The query failed{where}: {said}{hint}", _cure(connection, error)) from None


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


def _place(statement: str, error: psycopg.Error) -> str:
    """Where in the query the server found the mistake, if it says so."""
    if not (position := error.diag.statement_position):
        return ""
    lines = statement[: int(position) - 1].split("\n")
    return f" at line {len(lines)}, column {len(lines[-1]) + 1}"


def _cure(connection: psycopg.Connection, error: psycopg.Error) -> str:
    connection.rollback()  # the query that failed
    match error:
        case psycopg.errors.UndefinedTable():
            return _near(connection, error)
        case psycopg.errors.InsufficientPrivilege():
            return (
                "`yidang sql` reads the schema marts and nothing else. What was kept out: yidang quarantine list;"
                " raw_* and landing: with psql as yidang_loader (docs/operations.md, psql)."
            )
        case psycopg.errors.UndefinedColumn():
            return "Every table's columns: docs/dictionary.md."
        case psycopg.errors.QueryCanceled():
            return "A query may take one minute. Ask for less, or for a coarser table."
        case psycopg.errors.SyntaxError():
            return EXAMPLE
    return "Mend the query."


def _near(connection: psycopg.Connection, error: psycopg.Error) -> str:
    """The tables that are called nearly as the one that is not there."""
    relations = "select relname from pg_class where relnamespace = to_regnamespace('marts') and relkind in ('r', 'v')"
    tables = [name for (name,) in connection.execute(f"{relations} order by 1")]
    if not tables:
        return "Build the marts: yidang build"
    asked = re.search(r'"(.*)"', error.diag.message_primary or "")
    near = difflib.get_close_matches(asked[1].rpartition(".")[2], tables, n=3) if asked else []
    meant = f"Did you mean {' or '.join(near)}? " if near else ""
    return f"{meant}All tables: {LIST}"
