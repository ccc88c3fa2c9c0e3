#!/usr/bin/env python3
"""A first load, PostgreSQL → PostgreSQL, by Yidang and by kept tools, beside the plain pipe: seconds, CPU, memory.

usage: python benchmarks/compare_landing.py [--rows 1000000] [--runs 3]
       with the environment that `make demo` makes; needs a package registry for dlt and ingestr, and pgloader on PATH

The rows are those of land_rows.py, in a scratch warehouse that is dropped at the end. dlt and ingestr go into an
environment in a temporary folder and are never requirements of Yidang. Only Yidang keeps a ledger, loads exactly once
and compares source and copy. CPU and memory are of the client's processes; the servers are counted for none.
Medians of the runs. Prints a table and one line of JSON.
"""

# ruff: noqa: S608 - the queries are put together from our own names

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import psycopg
from compare_durations import UV
from frame import print_result, scratch_warehouse
from land_rows import contract, postgres_source, timed_floor, timed_load

from yidang import landing
from yidang.settings import Settings

LIBRARIES = {
    "with_dlt": ["dlt[postgres,sql_database]", "pyarrow", "psycopg[binary]"],
    "with_ingestr": ["ingestr<1", "psycopg[binary]"],  # from 1 on, it fetches a binary of its own
}
DLT = """
import dlt, os
from dlt.sources.sql_database import sql_table
pipeline = dlt.pipeline(
    "bench", destination=dlt.destinations.postgres(os.environ["TARGET"]), dataset_name="by_dlt", pipelines_dir="."
)
rows = sql_table(os.environ["SOURCE"], table="rows", schema="bench", backend="pyarrow", chunk_size=50_000)
pipeline.run(rows, write_disposition="replace")
"""
INGESTR = """
exec with_ingestr/bin/ingestr ingest --yes --progress log --source-uri "$SOURCE" --source-table bench.rows \\
    --dest-uri "$TARGET" --dest-table by_ingestr.rows
"""
PGLOADER = """
load database from {source} into {target}
    with data only, create no tables, create no indexes, reset no sequences, prefetch rows = 10000
    including only table names matching 'rows' in schema 'bench'
    alter schema 'bench' rename to 'by_pgloader';
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    if not shutil.which("pgloader"):
        sys.exit("pgloader is missing: apt-get install pgloader")
    with tempfile.TemporaryDirectory() as folder:
        environments(Path(folder))
        with scratch_warehouse() as settings, postgres_source(settings, options.rows) as floor:
            found = {
                name: [measured(way) for _ in range(options.runs)]
                for name, way in ways(settings, Path(folder), options.rows, floor).items()
            }
    medians = {name: [statistics.median(column) for column in zip(*runs, strict=True)] for name, runs in found.items()}
    show(options.rows, medians)
    columns = ("seconds", "cpu_seconds", "peak_mib")
    result = {name: dict(zip(columns, map(round, line, (2, 2, 0)), strict=True)) for name, line in medians.items()}
    print_result("compare_landing", {"rows": options.rows, "ways": result})


def ways(settings: Settings, folder: Path, rows: int, floor: str) -> dict[str, Callable[[], object]]:
    """Each way to load the rows, as a call that starts from an empty target."""
    dsn = settings.admin_dsn(settings.warehouse_database)
    logins = {**os.environ, "SOURCE": dsn, "TARGET": dsn, "HOME": str(folder)}

    def yidang(reconcile: str) -> Callable[[], object]:
        options = argparse.Namespace(rows=rows, source="postgres", reconcile=reconcile)
        landing.ensure_landing(settings, [contract(settings, options)])
        return lambda: timed_load(settings, options)

    def other(schema: str, command: list[str], *, needs_table: bool = False) -> Callable[[], object]:
        def load() -> None:
            with psycopg.connect(dsn, autocommit=True) as admin:
                admin.execute(f"drop schema if exists {schema} cascade; create schema {schema}")
                if needs_table:
                    admin.execute(f"create table {schema}.rows (like bench.rows)")
                subprocess.run(command, check=True, env=logins, cwd=folder, stdout=subprocess.DEVNULL)
                (loaded,) = admin.execute(f"select count(*) from {schema}.rows").fetchone()
            if loaded != rows:
                raise RuntimeError(f"{schema}: {loaded} of {rows} rows")

        return load

    (folder / "load_with_dlt.py").write_text(DLT, encoding="utf-8")
    (folder / "pgloader.load").write_text(PGLOADER.format(source=dsn, target=dsn), encoding="utf-8")
    return {
        "floor: psql COPY out | psql COPY in": lambda: timed_floor(settings, floor),
        "Yidang, uncompared": yidang("none"),
        "Yidang, each day compared": yidang("checksums"),
        "pgloader": other("by_pgloader", ["pgloader", "--quiet", "pgloader.load"], needs_table=True),
        "dlt (pyarrow)": other("by_dlt", ["with_dlt/bin/python", "load_with_dlt.py"]),
        "ingestr": other("by_ingestr", ["bash", "-c", INGESTR]),
    }


def environments(folder: Path) -> None:
    """A throw-away environment for each of them: they do not agree on versions."""
    for name, packages in LIBRARIES.items():
        subprocess.run([UV, "venv", "-q", "--python", sys.executable, folder / name], check=True)
        python = folder / name / "bin" / "python"
        subprocess.run([UV, "pip", "install", "-q", "--python", python, *packages], check=True)


def measured(way: Callable[[], object]) -> tuple[float, float, float]:
    """Seconds, CPU seconds and the largest process's peak in MiB, of a process that does it and of its children."""
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        try:
            way()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    _, status, usage = os.wait4(child, 0)
    if status:
        sys.exit("one way has failed; its message is above")
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def show(rows: int, medians: dict[str, list[float]]) -> None:
    floor = next(iter(medians.values()))[0]
    print(f"\n{rows:,} rows × 20 columns, PostgreSQL → PostgreSQL, first load")
    print(f"{'':<38}{'seconds':>9}{'× floor':>9}{'CPU s':>8}{'peak MiB':>10}")
    for name, (seconds, cpu, peak) in medians.items():
        print(f"{name:<38}{seconds:>9.2f}{seconds / floor:>9.1f}{cpu:>8.1f}{peak:>10,.0f}")


if __name__ == "__main__":
    main()
