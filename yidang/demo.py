"""What `make demo` runs: the whole main job on a made-up district, with real parts, and how to stop and remove it."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import date

from rich.table import Table

from yidang import contracts, district
from yidang.progress import Progress, console
from yidang.reports import annual
from yidang.services import airflow, postgres, superset, warehouse
from yidang.services import district as district_servers
from yidang.settings import Settings

SEED = 20260630
PROJECTS = 120
FIRST_DAY = date(2024, 1, 2)
LAST_DAY = date(2026, 6, 30)
REPORT_YEAR = 2025


def run(settings: Settings) -> None:
    """Set up and run everything; print where to look. Safe to repeat: what is done is left alone."""
    progress = Progress("一档 Yidang — the main job on a made-up district (虚构示例数据)")
    with progress.step("PostgreSQL, databases and roles"):
        if not settings.admin_url:
            postgres.start(settings, postgres.WAREHOUSE)
        warehouse.prepare(settings)
        settings.as_of_file.write_text(f"{LAST_DAY}\n", encoding="utf-8")
        district_servers.prepare_secrets(settings)
    # Airflow and Superset need a while to come up, mostly waiting for imports: let them, beside the district.
    with ThreadPoolExecutor(2) as pool:
        airflow_up = pool.submit(airflow.start, settings)
        with progress.step("The made-up district's seven systems"):
            district_servers.start(settings)
            district.generate(settings, seed=SEED, projects=PROJECTS, start=FIRST_DAY, end=LAST_DAY)
        with progress.step("Airflow: api-server, scheduler, dag-processor"):
            airflow_up.result()
        superset_prepared = pool.submit(superset.prepare, settings)
        with progress.step("Airflow runs the pulls; their assets trigger the build"):
            runs = airflow.run_pipeline(settings, [item.id for item in contracts.load_departments(settings)])
        with progress.step("Superset: dashboards imported"):
            superset_prepared.result()
    with progress.step("Superset serves"):
        superset.start(settings)
        superset.clear_cache(settings)
    with progress.step(f"The annual report for {REPORT_YEAR}"):
        report = annual.write_annual_report(settings, year=REPORT_YEAR)
    console.print(_summary(settings, report, runs))
    console.print(f"Done in {progress.seconds:.0f} s.")


def _summary(settings: Settings, report: annual.ReportFiles, runs: airflow.PipelineRuns) -> Table:
    table = Table(title="What to look at", title_justify="left", show_header=False, box=None, padding=(0, 2, 0, 0))
    airflow_user, _ = airflow.credentials(settings)
    built = (
        f"{len(runs.pulls)} pulls, {len(runs.builds)} build(s) in this run" if runs.builds else "nothing new to build"
    )
    table.add_row("Dashboard", f"{superset.url(settings)}superset/dashboard/overview/", "user admin")
    table.add_row("Airflow", airflow.url(settings), f"user {airflow_user}: {built}")
    table.add_row("Annual report", str(report.docx), report.note or str(report.pdf))
    table.add_row(
        "Passwords", str(settings.secrets_file), "YIDANG_SUPERSET_ADMIN_PASSWORD, YIDANG_AIRFLOW_ADMIN_PASSWORD"
    )
    table.add_row("One row a project", 'yidang sql "select * from fct_project_lifecycle limit 5"', "")
    table.add_row("What runs", "yidang status", "the command lies in .yidang/venv/platform/bin")
    table.add_row("Stop / remove", "make stop", "make clean")
    return table


def stop_all(settings: Settings) -> list[str]:
    """Stop what runs, by pid; returns the names of what was stopped."""
    stopped = []
    for name, stop in (
        ("Superset", superset.stop),
        ("Airflow", airflow.stop),
        ("the district's servers", district_servers.stop),
        ("PostgreSQL", lambda given: postgres.stop(given, postgres.WAREHOUSE)),
    ):
        if stop(settings):
            stopped.append(name)
    return stopped


def remove_all(settings: Settings) -> None:
    """Stop everything and delete what was made, except the Python environments (make removes those)."""
    stop_all(settings)
    postgres.remove(settings)
    for path in settings.home.iterdir() if settings.home.exists() else []:
        if path.name != "venv":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    if settings.admin_url:
        console.print("The databases yidang, yidang_airflow and yidang_superset on your own server were left alone.")
