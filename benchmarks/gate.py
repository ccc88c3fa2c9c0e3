#!/usr/bin/env python3
"""The gate on one new batch of a bigger raw table, against a hand-written aggregate and group by over the same rows.

usage: python benchmarks/gate.py [--rows 1000000] [--runs 3]
       with the environment that `make demo` makes

Ten rules on 20 columns, in three cases: no row breaks one, 0.1 % do (by five of the rules), 10 % do. The raw table
holds the three batches and one more, so the batch that is judged is a quarter of it. Medians. Seconds are those of
check_pending from the pending batch to its verdict, quarantine and history written; Great Expectations' import is said
apart, since a pull pays it once. CPU seconds and memory are this process's: the scans' are the server's. How often each
row is read is PostgreSQL's own count of what was taken from the raw table.
"""

# ruff: noqa: S608 - the queries are put together from our own names

from __future__ import annotations

import argparse
import importlib
import json
import resource
import statistics
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
from frame import HEADER, print_result, scratch_warehouse
from land_rows import COLUMNS

from yidang import contracts, gate, landing
from yidang.landing import ledger, raw
from yidang.settings import Settings

CONTRACT = f"""{HEADER}source: {{kind: postgres, dsn: "${{BENCHMARK_DSN}}", schema: bench}}
tables:
  - name: rows
    description: made-up rows
    key: [id]
    suite: bench
    columns: [id, changed_at, {", ".join(COLUMNS)}]
"""
CODES = list("123456789")
# (kind, arguments, the same as a condition by hand that a bad row meets). The key adds two rules: not null, not blank.
RULES = [
    ("values_to_not_be_null", {"column": "c00"}, "c00 is null"),
    ("values_to_not_be_null", {"column": "c01"}, "c01 is null"),
    ("values_to_match_regex", {"column": "c02", "regex": "^[0-9a-f]{10}$"}, "c02 !~ '^[0-9a-f]{10}$'"),
    (
        "values_to_match_regex",
        {"column": "changed_at", "regex": r"^\d{4}-\d{2}-\d{2} "},
        r"changed_at !~ '^\d{4}-\d{2}-\d{2} '",
    ),
    ("values_to_be_in_set", {"column": "c03", "value_set": CODES}, f"c03 not in ({', '.join(map(repr, CODES))})"),
    (
        "value_lengths_to_be_between",
        {"column": "c04", "min_value": 1, "max_value": 10},
        "length(c04) not between 1 and 10",
    ),
    ("values_to_not_match_regex", {"column": "changed_at", "regex": "^1970-"}, "changed_at ~ '^1970-'"),
]
BY_HAND = "select count(*), count(*) filter (where id is null), count(*) filter (where id !~ '[^[:space:]\u3000]'), {}"
DUPLICATES = "select coalesce(sum(n), 0) from (select count(*) n from {} group by c05 having count(*) > 1) doubled"
# What a bad row has instead of the value of the column before it.
BAD = {"c00": "null", "c02": "'? ' || n", "changed_at": "'1970-01-01 00:00:00'", "c03": "'0'", "c05": "'doubled'"}


@dataclass(frozen=True)
class Run:
    seconds: float
    cpu_seconds: float
    statements: int
    rows_read: float
    whole_scans: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    began = time.monotonic()
    importlib.import_module("great_expectations")
    import_seconds = time.monotonic() - began
    result = {"rows": options.rows, "import_seconds": round(import_seconds, 2)}
    with scratch_warehouse() as scratch, tempfile.TemporaryDirectory() as folder:
        settings = replace(scratch, root=Path(folder))
        department = prepare(settings)
        land(settings, department, options.rows, 0)
        cases = {name: land(settings, department, options.rows, share) for name, share in SHARES.items()}
        print(f"\n{options.rows:,} rows × 20 columns of {4 * options.rows:,}, ten rules")
        for name, batch in cases.items():
            floors, runs = [], []
            for _ in range(options.runs):
                floors.append(by_hand(settings, batch))
                runs.append(judge(settings, department, batch))
            floor = statistics.median(floors)
            middle = sorted(runs, key=lambda run: run.seconds)[len(runs) // 2]
            result[name] = {
                "by_hand_seconds": round(floor, 2),
                "gate_seconds": round(middle.seconds, 2),
                "ratio": round(middle.seconds / floor, 2),
                "cpu_seconds": round(middle.cpu_seconds, 2),
                "statements": middle.statements,
                "rows_read": round(middle.rows_read, 1),
                "whole_scans": middle.whole_scans,
            }
            print(
                f"{name:<12}by hand {floor:>6.2f} s   gate {middle.seconds:>6.2f} s = {middle.seconds / floor:.2f} ×"
                f"   own CPU {middle.cpu_seconds:.2f} s, {middle.statements} statements of Great Expectations,"
                f" each row read {middle.rows_read:.1f} times, {middle.whole_scans} scans of the whole table"
            )
    result["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"importing Great Expectations {import_seconds:.1f} s; peak memory of this process {result['peak_mib']} MiB")
    print_result("gate", result)


SHARES = {"all good": 0, "0.1 % bad": 0.001, "10 % bad": 0.1}


def prepare(settings: Settings) -> contracts.Department:
    """The contract, its suite and an empty raw table."""
    rules = [(kind, arguments) for kind, arguments, _ in RULES] + [("values_to_be_unique", {"column": "c05"})]
    meta = {"severity": "fail", "reason": "made up", "reason_en": "made up"}
    suite = {
        "name": "bench",
        "meta": {"hold_above_share": 0.2, "hold_from_rows": 50},
        "expectations": [{"type": f"expect_column_{kind}", "kwargs": kwargs, "meta": meta} for kind, kwargs in rules],
    }
    (settings.root / "expectations").mkdir()
    (settings.root / "expectations" / "bench.json").write_text(json.dumps(suite), encoding="utf-8")
    (settings.root / "bench.yml").write_text(CONTRACT, encoding="utf-8")
    department = contracts.load_department(settings, settings.root / "bench.yml")
    landing.ensure_landing(settings, [department])
    return department


def land(settings: Settings, department: contracts.Department, rows: int, bad_share: float) -> int:
    """One more batch, made in the database: how it lands is another benchmark's."""
    (table,) = department.tables
    every = round(1 / bad_share) if bad_share else rows + 1
    values = {name: f"left(md5((n * {number + 1})::text), 10)" for number, name in enumerate(COLUMNS)}
    values |= {"c03": "(n % 9 + 1)::text", "changed_at": "(timestamp '2025-01-01' + n * interval '1 s')::text"}
    values["c05"] += " || n"  # of a million such digests two are the same
    # Each bad row breaks one of five rules, in turn.
    for place, (name, instead) in enumerate(BAD.items()):
        values[name] = f"case when n % {every} = 0 and n / {every} % 5 = {place} then {instead} else {values[name]} end"
    with psycopg.connect(settings.dsn("loader")) as connection:
        batch = ledger.new_batch_id(connection)
        columns = ", ".join(["id", *values])
        connection.execute(
            f"insert into raw_bench.rows ({columns}, _batch_id, _row_number)"
            f" select n::text, {', '.join(values.values())}, {batch}, n from generate_series(1, {rows}) n"
        )
        facts = {"department": "bench", "table_name": "rows", "gate": "passed"}
        ledger.add_batch(connection, batch, **facts, rows_read=rows, rows_landed=rows, rows_quarantined=0)
        raw.index(connection, department, table)
    with psycopg.connect(settings.admin_dsn(settings.warehouse_database), autocommit=True) as admin:
        admin.execute("vacuum analyze raw_bench.rows")
    return batch


def by_hand(settings: Settings, batch: int) -> float:
    """Seconds of the same ten rules as one aggregate and one group by, as somebody would write them."""
    rows = f"raw_bench.rows where _batch_id = {batch}"
    with psycopg.connect(settings.dsn("loader")) as connection:
        began = time.monotonic()
        filters = ", ".join(f"count(*) filter (where {condition})" for _, _, condition in RULES)
        connection.execute(f"{BY_HAND.format(filters)} from {rows}").fetchone()
        connection.execute(DUPLICATES.format(rows)).fetchone()
        return time.monotonic() - began


def judge(settings: Settings, department: contracts.Department, batch: int) -> Run:
    """One run of the gate over the batch, with what it cost."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    with psycopg.connect(settings.dsn("loader")) as connection:
        connection.execute("delete from landing.quarantine")
        connection.execute("update landing.batch set gate = 'pending' where batch_id = %s", (batch,))
    statements = []

    def note(_connection, _cursor, statement, *_rest) -> None:
        statements.append(statement)

    before, cpu = scans(settings), time.process_time()
    event.listen(Engine, "before_cursor_execute", note)
    began = time.monotonic()
    (verdict,) = gate.check_pending(settings, department)
    seconds = time.monotonic() - began
    event.remove(Engine, "before_cursor_execute", note)
    cpu = time.process_time() - cpu
    after = scans(settings)
    return Run(seconds, cpu, len(statements), (after[0] - before[0]) / verdict.rows, after[1] - before[1])


def scans(settings: Settings) -> tuple[int, int]:
    """(rows taken from the raw table so far, scans of it as a whole)."""
    time.sleep(1.2)  # a session reports what it has read when it ends, at most a second later
    with psycopg.connect(settings.dsn("loader")) as connection:
        return connection.execute(
            "select seq_tup_read + idx_tup_fetch, seq_scan from pg_stat_user_tables where schemaname = 'raw_bench'"
        ).fetchone()


if __name__ == "__main__":
    main()
