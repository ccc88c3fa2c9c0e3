"""The DAG `quality`: the data-quality page, after each build and every hour; no pull and no build waits for it."""

from datetime import timedelta

from airflow.sdk import DAG, Asset, AssetOrTimeSchedule, CronTriggerTimetable, task

from yidang import callbacks, settings

DOC = """
### The data-quality page
Writes `.yidang/reports/quality.html`: every rule's last result and history, quarantine, drift, days that differ from
the source. One file that opens without a network.

**When it is red.** Nothing else is: pulls and builds do not wait for it, and the last page stays. The task's log ends
with the reason. Reproduce it with `yidang quality` in a shell.

**Where to look.** Task log (here), `yidang status`, and the tables `landing.expectation_result` and
`landing.quarantine`, which the page is written from.
"""

with DAG(
    "quality",
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("25 * * * *", timezone=settings.TIMEZONE.key),  # every hour, 25 minutes past
        assets=Asset("marts"),
    ),
    catchup=False,
    max_active_runs=1,
    doc_md=DOC,
    tags=["quality"],
    default_args={
        "owner": "data-team",
        "retries": 1,
        "retry_delay": timedelta(seconds=30),
        "retry_exponential_backoff": 2.0,
        "execution_timeout": timedelta(minutes=10),
        "on_failure_callback": callbacks.run_failed,
    },
):

    @task
    def page() -> str:
        from yidang import quality  # heavy imports stay in the task: this file is parsed again and again

        return str(quality.write(settings.load()))

    page()
