"""What `make demo` runs: the whole main job on a made-up district, with real parts, and how to stop and remove it."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor

from yidang import build, contracts, district, landing, subscriptions
from yidang.errors import YidangError
from yidang.progress import Progress, console
from yidang.reports import annual
from yidang.services import airflow, messages, postgres, superset, warehouse
from yidang.services import district as district_servers
from yidang.settings import Settings
from yidang.warning import example

DISTRICT = district.PLAIN
REPORT_YEAR = 2025


def run(settings: Settings) -> None:
    """Set up and run everything; print where to look. Safe to repeat: what is done is left alone."""
    progress = Progress("一档 Yidang — the main job on a made-up district (虚构示例数据)")
    world = {"seed": district.SEED, "projects": DISTRICT.projects, "start": DISTRICT.start, "end": DISTRICT.end}

    def is_landed() -> bool:
        return landing.has_landed(settings, contracts.example_departments(settings))

    with progress.step("PostgreSQL, databases and roles"):
        warehouse.start(settings)
        district.require_no_other(settings, district.request(**world), is_landed)
        settings.as_of_file.write_text(f"{DISTRICT.end}\n", encoding="utf-8")
        district_servers.prepare_secrets(settings)
        example.write(settings, messages.form_url(settings), DISTRICT.end)
    # Airflow and Superset need a while to come up, mostly waiting for imports: let them, beside the district.
    with ThreadPoolExecutor(3) as pool:
        airflow_up = progress.beside(pool, airflow.start, settings)
        messages_up = progress.beside(pool, messages.start, settings)
        with progress.step("The made-up district's eight systems"):
            district_servers.start(settings)
            district.generate(settings, **world, is_landed=is_landed)
        progress.join("Airflow: api-server, scheduler, dag-processor, triggerer", airflow_up)
        progress.join("Form for answers to warnings, mail catcher", messages_up)
        superset_prepared = progress.beside(pool, superset.prepare, settings)
        with progress.step("Airflow runs the pulls; their assets trigger the build") as show:
            departments = [item.id for item in contracts.load_departments(settings)]
            stale = not build.is_current(settings, settings.as_of())
            runs = airflow.run_pipeline(
                settings,
                departments,
                build_anyway=stale,
                on_progress=lambda now: show(", ".join(f"{run.dag_id} {run.state}" for run in now)),
            )
        progress.join("Superset: dashboards imported", superset_prepared)
    superset.clear_cache(settings)
    subscription = _Subscription()
    with ThreadPoolExecutor(1) as pool:
        mailed = progress.beside(pool, subscription.send, settings)  # which waits for the page
        with progress.step("Superset serves"):
            superset.start(settings)
        with progress.step(f"The annual report for {REPORT_YEAR}"):
            report = annual.write_annual_report(settings, year=REPORT_YEAR)
        progress.join("A subscription: the dashboard 效能总览 as PDF by mail", mailed)
    print()
    for label, where, remark in _summary(settings, report, runs, subscription.remark):
        print(f"{label:<16}{where}" + (f"\n{'':<16}{remark}" if remark else ""))
    print()
    console.print(
        f"Done in {progress.seconds:.0f} s; the Python environments, which make sets up before, are not counted."
    )


class _Subscription:
    """Needs Chromium, which a demo can do without: what is missing is said at the end."""

    remark = "the dashboard 效能总览 as PDF, every Monday (yidang superset subscriptions list)"

    def send(self, settings: Settings) -> None:
        try:
            subscriptions.give_example(settings)
        except YidangError as error:
            self.remark = f"not sent: {error.what}"


def _summary(
    settings: Settings, report: annual.ReportFiles, runs: airflow.PipelineRuns, mailed: str
) -> list[tuple[str, str, str]]:
    """What to look at first: label, where it is, a remark."""
    airflow_user, _ = airflow.credentials(settings)
    command = settings.python("platform").with_name("yidang").relative_to(settings.root)
    built = f"{len(runs.pulls)} pulls, {len(runs.builds)} build" if runs.builds else "no news, nothing to build"
    return [
        ("Dashboard", f"{superset.url(settings)}superset/dashboard/overview/", "login admin: look here first"),
        ("Airflow", airflow.url(settings), f"login {airflow_user}: this time {built}"),
        ("Annual report", str(report.docx), report.note or str(report.pdf)),
        ("Warnings", str(settings.mail_dir), "mails to officers, each with a link to answer (yidang warnings list)"),
        ("Subscription", str(settings.mail_dir), mailed),
        ("Passwords", str(settings.secrets_file), "YIDANG_SUPERSET_ADMIN_PASSWORD, YIDANG_AIRFLOW_ADMIN_PASSWORD"),
        ("The projects", f'{command} sql "select * from fct_project_lifecycle limit 5"', ""),  # noqa: S608
        ("What runs", f"{command} status", ""),
        ("Stop, remove", "make stop, make clean", ""),
    ]


def stop_all(settings: Settings) -> list[str]:
    """Stop what runs, by pid; returns the names of what was stopped."""
    stopped = []
    for name, stop in (
        ("Superset", superset.stop),
        ("the warnings' form and mail catcher", messages.stop),
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
