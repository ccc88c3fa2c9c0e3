"""The DAG `reports`: on the second day of a month the documents of the one that ended, in January of the year too."""

from datetime import date, timedelta

from airflow.sdk import DAG, CronTriggerTimetable, Param, task

from yidang import callbacks, settings

DOC = """
### The office's documents
Writes last month's bulletin (通报), in January last year's annual report, and the file (一档) of every major project,
each with its evidence, into `.yidang/reports`. Nothing is overwritten: what shows the same stays, else there is a new
version.

**By hand.** Trigger it with `month` (YYYY-MM) for another month.

**When it is red.** The task's log ends with the reason and the cure: a wrong tag of a template is named with its
paragraph, a month without cases says which there are. Reproduce it with `yidang report bulletin --month YYYY-MM`.

**Where to look.** Task log (here), `.yidang/reports`, `yidang report verify FILE`, `yidang trace FILE ID`.
"""

with DAG(
    "reports",
    schedule=CronTriggerTimetable("0 7 2 * *", timezone=settings.TIMEZONE.key),  # the second of each month, at seven
    catchup=False,
    max_active_runs=1,
    doc_md=DOC,
    tags=["reports"],
    params={"month": Param("", type="string", description="YYYY-MM; the month before this one where it is empty.")},
    default_args={
        "owner": "data-team",
        "retries": 1,
        "retry_delay": timedelta(minutes=1),
        "retry_exponential_backoff": 2.0,
        "execution_timeout": timedelta(hours=2),
        "on_failure_callback": callbacks.run_failed,
    },
):

    def reported(month: str) -> date:
        """The first day of the month that is asked for, or of the one that ended."""
        if month:
            return date.fromisoformat(f"{month}-01")
        return (settings.load().as_of().replace(day=1) - timedelta(days=1)).replace(day=1)

    @task
    def bulletin(params: dict | None = None) -> str:
        from yidang.reports.bulletin import write_bulletin  # heavy imports stay in the task

        return str(write_bulletin(settings.load(), month=reported(params["month"])).docx)

    @task
    def annual(params: dict | None = None) -> str:
        from yidang.reports.annual import write_annual_report

        month = reported(params["month"])
        if month.month != 12:
            return "due in January"
        return str(write_annual_report(settings.load(), year=month.year).docx)

    @task
    def major_projects() -> int:
        from yidang.reports.project_file import write_project_files

        return write_project_files(settings.load(), major_only=True)

    bulletin() >> annual() >> major_projects()
