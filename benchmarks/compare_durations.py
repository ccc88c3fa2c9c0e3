#!/usr/bin/env python3
"""Time of bare case durations (first to last event) in SQL, pandas and pm4py, beside the whole clock on the same data.

usage: python benchmarks/compare_durations.py [--events 10000000]
       with the environment that `make demo` makes; needs a package registry for pandas and pm4py

The events are those of build_facts.py, in a scratch warehouse that is dropped at the end. The two libraries go into an
environment in a temporary folder: pm4py is AGPL and never one of Yidang's requirements. They get the events as a CSV
file; reading it is timed apart. A duration is no clock: no acceptance, no pauses, no working days, no limits.
Prints a table and one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
from build_facts import LAST_DAY, land_world, median, query, timed
from frame import print_result, scratch_warehouse

from yidang import build
from yidang.settings import ROOT, Settings

UV = ROOT / ".yidang" / "venv" / "uv" / "bin" / "uv"
DURATIONS = """
select sum(extract(epoch from last_at - first_at))
from (
    select case_id, min(event_at) as first_at, max(event_at) as last_at
    from intermediate.int_case_events
    group by case_id
) as cases
"""
EVENTS = """
copy (
    select case_id, event_kind as activity, event_at
    from intermediate.int_case_events
    order by event_at, case_id, event_number
) to stdout with (format csv, header)
"""
LIBRARIES = ("pandas", "pm4py")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=10_000_000)
    events = parser.parse_args().events
    cases = events // 5
    with scratch_warehouse() as settings, tempfile.TemporaryDirectory(prefix="yidang-benchmark-") as folder:
        result = measure(settings, cases, max(1, cases // 50), Path(folder))
    show(result)
    print_result("compare_durations", result)


def measure(settings: Settings, cases: int, projects: int, folder: Path) -> dict:
    """Everything in one run, in one warehouse. Times in seconds."""
    departments = land_world(settings, cases, projects)
    clock = timed(
        lambda: build.build(
            settings, as_of=LAST_DAY, select="+fct_item_instance", departments=departments, with_tests=False
        )
    )
    count, case_count = query(settings, "select count(*), count(distinct case_id) from intermediate.int_case_events")
    (total,) = query(settings, DURATIONS)
    return {
        "events": count,
        "cases": case_count,
        "total": round(total),
        "sql": median(settings, DURATIONS),
        "clock_from_raw": round(clock, 2),
        "libraries": in_python(settings, folder),
    }


def in_python(settings: Settings, folder: Path) -> dict:
    """What durations_in_python.py measured; {"missing": …} where the registry does not give the libraries."""
    file = folder / "events.csv"
    with (
        psycopg.connect(settings.admin_dsn(settings.warehouse_database)) as admin,
        admin.cursor().copy(EVENTS) as rows,
        file.open("wb") as csv,
    ):
        for block in rows:
            csv.write(block)
    try:
        python = environment(folder / "environment")
    except subprocess.CalledProcessError as error:
        return {"missing": error.stderr.strip().splitlines()[-1]}
    script = Path(__file__).parent / "durations_in_python.py"
    done = subprocess.run([python, script, file], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def environment(path: Path) -> Path:
    """A throw-away environment with the libraries, or with pandas alone where pm4py is not to be had: its Python."""
    run = {"check": True, "capture_output": True, "text": True}
    subprocess.run([UV, "venv", "-q", "--python", sys.executable, path], **run)
    python = path / "bin" / "python"
    install = [UV, "pip", "install", "-q", "--python", python]
    try:
        subprocess.run([*install, *LIBRARIES], **run)
    except subprocess.CalledProcessError:
        subprocess.run([*install, LIBRARIES[0]], **run)
    return python


def show(result: dict) -> None:
    print(f"\n{result['events']:,} events, {result['cases']:,} cases (seconds; medians of three, the clock once)")
    print(f"{'':<48}{'prepare':>9}{'compute':>9}")
    print(f"{'SQL: first to last event of each case':<48}{'':>9}{result['sql']:>9.2f}")
    for name, found in result["libraries"].items():
        if name == "missing" or "missing" in found:
            print(f"{name}: not to be had: {found if name == 'missing' else found['missing']}")
            continue
        same = "same sum" if found["total"] == result["total"] else f"ANOTHER SUM: {found['total']:,}"
        label = f"{name} {found['version']}: the same ({same})"
        print(f"{label:<48}{found['prepare']:>9.2f}{found['compute']:>9.2f}")
    print(f"{'Yidang: raw to fct_item_instance, both clocks':<48}{'':>9}{result['clock_from_raw']:>9.2f}")


if __name__ == "__main__":
    main()
