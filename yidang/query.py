"""Ad-hoc queries with the read-only role: CSV out, streamed, memory bounded."""

from __future__ import annotations

from typing import BinaryIO

import psycopg
from psycopg.pq import ExecStatus

from yidang.errors import ConfigError, YidangError
from yidang.settings import Settings


def write_csv(settings: Settings, query: str, output: BinaryIO) -> None:
    """Write the result of one SELECT to `output` as UTF-8 CSV with a header.

    Raises ConfigError with the server's message if the query is wrong or not allowed for the reader.
    """
    statement = query.strip().rstrip(";")
    try:
        with psycopg.connect(settings.dsn("reader"), connect_timeout=10, options="-c search_path=marts") as connection:
            # Preparing alone proves that it is one whole statement, before it is put inside another one.
            prepared = connection.pgconn.prepare(b"", statement.encode())
            if prepared.status != ExecStatus.COMMAND_OK:
                raise psycopg.ProgrammingError(prepared.error_message.decode("utf-8", "replace"))
            with connection.cursor().copy(f"copy ({statement}\n) to stdout with (format csv, header)") as rows:  # noqa: S608
                for block in rows:
                    output.write(block)
            output.flush()
    except psycopg.OperationalError as error:
        raise YidangError(f"The warehouse does not answer: {_first_line(error)}", "Start it: make demo") from None
    except psycopg.Error as error:
        raise ConfigError(
            f"The query failed: {_first_line(error)}", 'Try: yidang sql "select * from fct_project_lifecycle limit 5"'
        ) from None


def _first_line(error: psycopg.Error) -> str:
    return str(error).strip().splitlines()[0]
