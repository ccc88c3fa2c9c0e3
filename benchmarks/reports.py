#!/usr/bin/env python3
"""Speed of the documents: the annual report, a bulletin, the congress report, and files of many projects.

usage: python benchmarks/reports.py [--year 2025] [--projects 500]

It measures the installation of this clone as it stands (`make demo` first), into a temporary folder, without PDF: the
time of LibreOffice is its own. Aims: annual 20 s, bulletin 8 s, 500 project files 120 s, on the 10 M-event warehouse.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from frame import print_result

from yidang import query
from yidang import settings as settings_module
from yidang.reports import annual, bulletin, congress, pdf, project_file


def timed(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--year", type=int, default=2025)
    parser.add_argument("--projects", type=int, default=500)
    asked = parser.parse_args()
    settings = settings_module.load()
    pdf.shutil.which = lambda _: None
    with query.reader(settings) as connection:
        cases, as_of = connection.execute("select count(*), max(as_of) from marts.fct_item_instance").fetchone()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        seconds = {
            "annual": timed(lambda: annual.write_annual_report(settings, year=asked.year, output_dir=out / "annual")),
            "bulletin": timed(
                lambda: bulletin.write_bulletin(settings, month=as_of, as_of=as_of, output_dir=out / "b")
            ),
            "congress": timed(lambda: congress.write_congress_report(settings, as_of=as_of, output_dir=out / "c")),
            "project files": timed(
                lambda: project_file.write_project_files(settings, most=asked.projects, output_dir=out / "projects")
            ),
        }
        files = len(list((out / "projects").iterdir()))
    print_result(
        "reports",
        {"cases": cases, "project files": files, "seconds": {key: round(value, 1) for key, value in seconds.items()}},
    )


if __name__ == "__main__":
    main()
