#!/usr/bin/env python3
"""Throughput of a first load, PostgreSQL or MariaDB → raw with ledger, against the plain floor of the same rows.

usage: python benchmarks/land_rows.py [--rows 1000000] [--runs 3] [--source postgres | mysql] [--reconcile none]
       with the environment that `make demo` makes (mysql: also mariadbd, which `make test` installs)

The floor of PostgreSQL is `psql COPY out | psql COPY in`, of MariaDB `mariadb --batch | psql COPY in`, both into a bare
table without index or ledger. 20 columns of about 200 bytes a row. Medians; CPU seconds are of this process and of the
floor's clients (servers are not counted on either side); memory is this process's peak.
"""

# ruff: noqa: S608 - the queries are put together from our own names

from __future__ import annotations

import argparse
import os
import resource
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import psycopg
from frame import HEADER, print_result, scratch_warehouse

from yidang import contracts, gate, landing
from yidang.services import postgres
from yidang.settings import Settings

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))  # the real MariaDB of the tests

COLUMNS = [f"c{number:02}" for number in range(18)]
CONTRACT = (
    HEADER
    + """
source: {{kind: {kind}, dsn: "${{BENCHMARK_DSN}}", schema: bench}}
tables:
  - name: rows
    description: made-up rows
    key: [id]
    cursor: {{column: changed_at, overlap_minutes: 60}}
    suite: hall_visit
    reconcile: {reconcile}
    columns: [id, changed_at, {columns}]
"""
)
_ROWS = """
select n as id, timestamp '2025-01-01' + n * interval '1 second' as changed_at, {columns}
from generate_series(1, {rows}) n
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--source", choices=["postgres", "mysql"], default="postgres")
    parser.add_argument("--reconcile", choices=["checksums", "counts", "none"], default="checksums")
    options = parser.parse_args()
    floors, loads, peaks, nothing_new = [], [], [], []
    with scratch_warehouse() as settings, SOURCES[options.source](settings, options.rows) as floor:
        landing.ensure_landing(settings, [contract(settings, options)])
        for _ in range(options.runs):
            floors.append(timed_floor(settings, floor))
            loads.append(timed_load(settings, options))
            nothing_new.append(timed_load(settings, options, again=True))
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
    floor_seconds, load_seconds = statistics.median(floors), statistics.median(loads)
    print(f"\n{options.rows:,} rows × 20 columns from {options.source}, reconcile: {options.reconcile}")
    print(f"{'floor: COPY out | COPY in':<36}{floor_seconds:>9.2f} s{options.rows / floor_seconds:>14,.0f} rows/s")
    print(
        f"{'landed with ledger':<36}{load_seconds:>9.2f} s{options.rows / load_seconds:>14,.0f} rows/s"
        f"   {floor_seconds / load_seconds:.2f} × the floor's throughput"
    )
    print(f"{'a pull with nothing new':<36}{statistics.median(nothing_new):>9.2f} s")
    print(f"{'peak memory of this process':<36}{max(peaks):>9,} MiB")
    print_result(
        "land_rows",
        {
            "rows": options.rows,
            "source": options.source,
            "reconcile": options.reconcile,
            "floor_seconds": round(floor_seconds, 2),
            "landed_seconds": round(load_seconds, 2),
            "nothing_new_seconds": round(statistics.median(nothing_new), 2),
            "peak_mib": max(peaks),
        },
    )


def contract(settings: Settings, options: argparse.Namespace) -> contracts.Department:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.yml"
        text = CONTRACT.format(kind=options.source, reconcile=options.reconcile, columns=", ".join(COLUMNS))
        path.write_text(text, encoding="utf-8")
        return contracts.load_department(settings, path)


def timed_load(settings: Settings, options: argparse.Namespace, *, again: bool = False) -> float:
    """Seconds of one pull of everything, without the gate (which has a benchmark of its own)."""
    if not again:
        with psycopg.connect(settings.dsn("loader"), autocommit=True) as loader:
            loader.execute("drop table if exists raw_bench.rows")
            loader.execute("truncate landing.batch, landing.table_status, landing.reconciliation")
    department = contract(settings, options)
    with mock.patch.object(gate, "check_pending", lambda *_: []):
        began = time.monotonic()
        (table,) = landing.pull(settings, department).tables
        seconds = time.monotonic() - began
    if table.differences or table.rows_landed != (0 if again else options.rows):
        raise RuntimeError(f"not what was sent: {table}")
    return seconds


def timed_floor(settings: Settings, floor: str) -> float:
    """Seconds of the shell pipe that fills a bare table."""
    with psycopg.connect(settings.dsn("loader"), autocommit=True) as loader:
        loader.execute("create schema if not exists floor")
        loader.execute("drop table if exists floor.rows")
        columns = ", ".join(f"{name} text" for name in ["id", "changed_at", *COLUMNS])
        loader.execute(f"create table floor.rows ({columns})")
    pipe = f'{floor} | "$PSQL" "$LOADER" -qc \'copy floor.rows from stdin\''
    logins = {"LOADER": settings.dsn("loader"), "SOURCE": settings.secret("BENCHMARK_DSN")}
    environment = {**os.environ, **logins, "PSQL": str(postgres.binaries(settings) / "psql")}
    began = time.monotonic()
    subprocess.run(["bash", "-o", "pipefail", "-c", pipe], check=True, env=environment)
    return time.monotonic() - began


@contextmanager
def postgres_source(settings: Settings, rows: int) -> Iterator[str]:
    """The rows in a schema of the scratch warehouse itself. Gives the shell command that writes them."""
    dsn = settings.admin_dsn(settings.warehouse_database)
    columns = ", ".join(f"md5((n * {number + 1})::text)::varchar(10) as {name}" for number, name in enumerate(COLUMNS))
    with psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute("create schema bench")
        admin.execute(f"create table bench.rows as {_ROWS.format(columns=columns, rows=rows)}")
        admin.execute("alter table bench.rows add primary key (id)")
        admin.execute("vacuum analyze bench.rows")
    settings.ensure_secrets([], fixed={"BENCHMARK_DSN": dsn})
    yield '"$PSQL" "$SOURCE" -qc \'copy bench.rows to stdout\''


@contextmanager
def mysql_source(settings: Settings, rows: int) -> Iterator[str]:
    from urllib.parse import quote

    from mariadb_server import PASSWORD, connect, mariadb_server

    columns = ", ".join(f"left(md5(seq * {number + 1}), 10) as {name}" for number, name in enumerate(COLUMNS))
    with mariadb_server() as port:
        with connect(port) as connection, connection.cursor() as cursor:
            cursor.execute("create database bench")
            cursor.execute("use bench")
            cursor.execute(
                "create table bench.rows (primary key (id)) as select seq as id,"
                f" timestamp('2025-01-01') + interval seq second as changed_at, {columns} from seq_1_to_{rows}"
            )
        settings.ensure_secrets(
            [], fixed={"BENCHMARK_DSN": f"mysql://reader:{quote(PASSWORD, safe='')}@127.0.0.1:{port}"}
        )
        yield (
            f"mariadb --no-defaults --protocol tcp -h 127.0.0.1 -P {port} -u reader -p{shlex.quote(PASSWORD)}"
            " --batch --quick --skip-column-names -e 'select * from bench.rows'"
        )


SOURCES = {"postgres": postgres_source, "mysql": mysql_source}

if __name__ == "__main__":
    main()
