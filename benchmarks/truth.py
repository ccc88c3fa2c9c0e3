#!/usr/bin/env python3
"""Does the reported interval hold the planted effect of the reform? 30 districts through the whole path.

usage: .yidang/venv/platform/bin/python benchmarks/truth.py [--seeds 30] [--first 1] [--read-on DAY …]
       20 to 30 minutes on 2 cores; half with one day to read on

Each district is simulated, written into its departments' systems, pulled, gated, built by dbt and estimated, in a home
and on servers of its own (YIDANG_PORT_BASE 57430). The truth comes from the districts' twins without the reform
(yidang/district/effect.py). Read twice: a month after the reform, when first figures are asked for, and a year after.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from statistics import fmean

import psycopg
from frame import print_result
from psycopg.rows import dict_row

from yidang import build, contracts, district, landing, statistics
from yidang import settings as settings_module
from yidang.district import effect
from yidang.district.simulate import simulate
from yidang.services import district as servers
from yidang.services import postgres, warehouse
from yidang.settings import WAREHOUSE_DATABASE, Settings
from yidang.statistics.speed import CAP_DAYS

# Three years before the reform: a district that starts empty has no queues yet, and what grows is not the reform.
PROJECTS, START, END = 200, date(2022, 1, 2), date(2026, 2, 28)
READ_ON = (date(2025, 3, 31), END)
TWINS = range(1, 41)  # enough pairs that the truth has no error to speak of
FIGURES = ("effect_days", "effect_lower", "effect_upper", "naive_change_days")
_NEEDED = " ".join(f"+{model}" for model in sorted(statistics.INPUTS))
_EFFECTS = f"select item_code, {', '.join(FIGURES)} from marts.agg_reform_effect"  # noqa: S608


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--read-on", type=date.fromisoformat, nargs="+", default=READ_ON)
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.seeds)
    began = time.monotonic()
    found: dict[tuple[date, str], list[dict]] = defaultdict(list)
    with own_installation() as settings:
        for seed in seeds:
            for day, row in estimates(settings, seed, options.read_on):
                found[day, row["item_code"]].append(row)
            last = found[options.read_on[-1], effect.ALL][-1]
            figures = ", ".join(f"{name} {last[name]:.2f}" for name in FIGURES)
            print(f"seed {seed} after {time.monotonic() - began:.0f} s: {figures}", flush=True)
    world = (PROJECTS, START, END)
    twins = ((simulate(seed, *world), effect.without_reform(seed, *world)) for seed in TWINS)
    rows = report(found, effect.reform_effect(twins, CAP_DAYS))
    print_result("truth", {"seeds": options.seeds, "seconds": round(time.monotonic() - began), "rows": rows})


def report(found: dict[tuple[date, str], list[dict]], truth: dict[str, float]) -> list[dict]:
    """Per day of reading and item: the truth, how often the interval holds it, and the errors, printed as a table."""
    columns = ("as_of", "item", "truth", "shown", "inside", "estimate", "error", "naive", "naive_error")
    rows = []
    print("  ".join(f"{name:>11}" for name in columns))
    for (day, item), estimates_of in sorted(found.items()):
        true = truth[item]
        shown = [row for row in estimates_of if row["effect_lower"] is not None]
        naive = [row["naive_change_days"] for row in estimates_of if row["naive_change_days"] is not None]
        inside = sum(row["effect_lower"] <= true <= row["effect_upper"] for row in shown)
        mean = fmean(row["effect_days"] for row in shown) if shown else None
        naive_mean = fmean(naive) if naive else None
        row = dict.fromkeys(columns) | {"as_of": str(day), "item": item, "truth": true, "shown": len(shown)}
        row |= {"inside": inside, "estimate": mean, "naive": naive_mean}
        row["error"] = mean / true - 1 if shown else None
        row["naive_error"] = naive_mean / true - 1 if naive else None
        rows.append(row)
        print("  ".join(f"{_cell(name, value):>11}" for name, value in row.items()))
    return rows


def _cell(name: str, value: object) -> str:
    if not isinstance(value, float):
        return "-" if value is None else str(value)
    return f"{value:+.0%}" if name.endswith("error") else f"{value:.2f}"


def estimates(settings: Settings, seed: int, read_on: Sequence[date]) -> Iterator[tuple[date, dict]]:
    """The rows of agg_reform_effect on each of these days, from a warehouse that knows nothing of the seed before."""
    with psycopg.connect(settings.admin_dsn(), autocommit=True) as admin:
        admin.execute(f"drop database if exists {WAREHOUSE_DATABASE} with (force)")
    warehouse.prepare(settings)
    district.generate(settings, seed=seed, projects=PROJECTS, start=START, end=END)
    for department in contracts.load_departments(settings):
        landing.pull(settings, department)
    for day in read_on:
        build.build(settings, as_of=day, select=_NEEDED, with_tests=False)
        with psycopg.connect(settings.dsn("transformer"), row_factory=dict_row) as connection:
            for row in connection.execute(_EFFECTS).fetchall():
                yield day, row


@contextmanager
def own_installation() -> Iterator[Settings]:
    """Servers and a home that no demo shares, gone at the end."""
    with tempfile.TemporaryDirectory(prefix="yidang-truth-") as folder:
        for name in ("YIDANG_DATABASE_URL", "YIDANG_SECRETS_FILE", "YIDANG_DEPARTMENTS_DIR", "YIDANG_AS_OF"):
            os.environ.pop(name, None)
        os.environ |= {"YIDANG_HOME": str(Path(folder) / "home"), "YIDANG_PORT_BASE": "57430"}
        settings = settings_module.load()
        try:
            postgres.start(settings, postgres.WAREHOUSE)
            servers.prepare_secrets(settings)
            servers.start(settings)
            yield settings
        finally:
            servers.stop(settings)
            postgres.stop(settings, postgres.WAREHOUSE)
            postgres.remove(settings)
            shutil.rmtree(settings.home, ignore_errors=True)


if __name__ == "__main__":
    main()
