#!/usr/bin/env python3
"""Seconds and peak memory of landing one big CSV of a drop folder, from the folder to raw with its ledger entry.

usage: python benchmarks/land_big_file.py [--mib 2048]
       with the environment that `make demo` makes; needs about six times the size on disk while it runs

The file is made up, in GB18030, and lies in a temporary folder; the warehouse is a scratch one, dropped at the end. The
memory is that of this process, which reads, archives and lands; the gate, which judges in SQL afterwards, is left out.
The floor is `iconv | psql COPY in` of the same file into a bare table: no archive, no ledger, no row refused.
Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg
from frame import print_result, scratch_warehouse

from yidang import contracts, gate, landing
from yidang.services import postgres
from yidang.settings import Settings

COLUMNS = ["编号", "项目名称", "事项", "收件日期", "受理日期", "办结日期", "结果", "备注"]
CONTRACT = """
name: 大文件
short_name: 大文件
english_name: Big file
description: Made up for a measurement.
leaves_out: Everything else.
owner: benchmark
example: true
schedule: "0 7 * * *"
freshness_hours: 24
source: {{kind: files, folder: {folder}, format: {{kind: csv, encoding: gb18030}}}}
tables:
  - {{name: cases, description: a case, pattern: "*.csv", key: [编号], suite: permits, columns: [{columns}]}}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mib", type=int, default=2048)
    mib = parser.parse_args().mib
    with scratch_warehouse() as settings, tempfile.TemporaryDirectory(prefix="yidang-benchmark-") as folder:
        result = measure(settings, Path(folder), mib)
    print_result("land_big_file", result)


def measure(settings: Settings, folder: Path, mib: int) -> dict:
    drop = folder / "drop"
    drop.mkdir()
    rows = write_file(drop / "big.csv", mib << 20)
    contract = folder / "big.yml"
    contract.write_text(CONTRACT.format(folder=drop, columns=", ".join(COLUMNS)), encoding="utf-8")
    gate.check_pending = lambda *_: []
    floor_seconds = timed_floor(settings, drop / "big.csv")
    started = time.monotonic()
    pulled = landing.pull(settings, contracts.load_department(settings, contract)).tables[0]
    seconds = time.monotonic() - started
    if pulled.rows_landed != rows:
        raise SystemExit(f"{rows} rows were written, {pulled.rows_landed} landed")
    return {
        "mib": mib,
        "rows": rows,
        "floor_seconds": round(floor_seconds, 1),
        "seconds": round(seconds, 1),
        "rows_per_second": round(rows / seconds),
        "peak_mib": peak_mib(),
    }


def timed_floor(settings: Settings, file: Path) -> float:
    with psycopg.connect(settings.dsn("loader"), autocommit=True) as loader:
        loader.execute(
            f"create schema floor create table floor.cases ({', '.join(f'{name} text' for name in COLUMNS)})"
        )
        pipe = 'iconv -f GB18030 -t UTF-8 "$FILE" | "$PSQL" "$LOADER" -qc \'copy floor.cases from stdin csv header\''
        psql = str(postgres.binaries(settings) / "psql")
        environment = {**os.environ, "FILE": str(file), "PSQL": psql, "LOADER": settings.dsn("loader")}
        started = time.monotonic()
        subprocess.run(["bash", "-o", "pipefail", "-c", pipe], check=True, env=environment)
        seconds = time.monotonic() - started
        loader.execute("drop schema floor cascade")
    return seconds


def peak_mib() -> int:
    """Of this process alone: getrusage counts what its parent had when it was started."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) >> 10


def write_file(path: Path, size: int) -> int:
    """A CSV of about `size` bytes, as if written ten seconds ago. Gives its rows."""
    name, note = "某某路与某某街交叉口地块建设项目" * 4, "无" * 60
    text = f",{name},建设工程规划许可,2025-03-03,2025年3月5日,2025/3/12,准予,{note}\r\n"
    rest = text.encode("gb18030")
    rows = 0
    with path.open("wb") as file:
        file.write((",".join(COLUMNS) + "\r\n").encode("gb18030"))
        while file.tell() < size:
            file.write(b"".join(b"%012d%b" % (number, rest) for number in range(rows, rows + 10_000)))
            rows += 10_000
    moment = time.time() - 10
    os.utime(path, (moment, moment))
    return rows


if __name__ == "__main__":
    main()
