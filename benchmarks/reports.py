#!/usr/bin/env python3
"""Speed of the documents: the annual report, a bulletin, the congress report, and files of many projects.

usage: python benchmarks/reports.py [--events 10000000] [--year 2025] [--projects 500]

Without --events it measures the installation of this clone as it stands (`make demo` first); with it one of its own,
with the made-up world of build_facts.py, removed at the end. Into a temporary folder, without PDF: the time of
LibreOffice is its own. Aims: annual 20 s, bulletin 8 s, 500 project files 120 s, at 10 M events.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from frame import installation, print_result

from yidang import query
from yidang.reports import annual, bulletin, congress, pdf, project_file
from yidang.settings import Settings


def timed(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, help="make a warehouse of so many events (default: what is there)")
    parser.add_argument("--year", type=int, default=2025)
    parser.add_argument("--projects", type=int, default=500)
    asked = parser.parse_args()
    pdf.shutil.which = lambda _: None
    with installation(asked.events) as settings:
        print_result("reports", measure(settings, asked.year, asked.projects))


def measure(settings: Settings, year: int, projects: int) -> dict:
    """Seconds of each document."""
    with query.reader(settings) as connection:
        cases, as_of = connection.execute("select count(*), max(as_of) from marts.fct_item_instance").fetchone()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        works = {
            "annual": lambda: annual.write_annual_report(settings, year=year, output_dir=out / "annual"),
            "bulletin": lambda: bulletin.write_bulletin(settings, month=as_of, as_of=as_of, output_dir=out / "b"),
            "congress": lambda: congress.write_congress_report(settings, as_of=as_of, output_dir=out / "c"),
            "project files": lambda: project_file.write_project_files(
                settings, most=projects, output_dir=out / "projects"
            ),
        }
        seconds = {name: round(timed(work), 1) for name, work in works.items()}
        return {"cases": cases, "project files": len(list((out / "projects").iterdir())), "seconds": seconds}


if __name__ == "__main__":
    main()
