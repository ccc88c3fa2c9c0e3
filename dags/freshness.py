"""The DAG `freshness`: every hour, tell people which department newly needs them and which is well again."""

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable, task

from yidang import callbacks, settings

DOC = """
### Which department needs somebody?
**What it does.** Looks at what `yidang status` shows and sends one message per department that newly fails, is held,
stale, unreadable or differs from its source, and one when it is well again. Messages go to the log and, where
`YIDANG_ALERT_URL` is set, to the group chat's robot. What was told is kept in `landing.alert`, so it is told once.

**When it is red.** The warehouse or the robot did not answer. What was not told is told by the next run.

**Where to look.** Task log (here), `yidang status`, the table `landing.alert`.
"""

with DAG(
    "freshness",
    schedule=CronTriggerTimetable("20 * * * *", timezone=settings.TIMEZONE.key),
    catchup=False,
    max_active_runs=1,
    doc_md=DOC,
    tags=["alerts"],
    default_args={
        "owner": "data-team",
        "retries": 2,
        "retry_delay": timedelta(minutes=1),
        "retry_exponential_backoff": 2.0,
        "execution_timeout": timedelta(minutes=10),
        "on_failure_callback": callbacks.run_failed,
    },
):

    @task
    def check() -> int:
        from yidang import watch  # heavy imports stay in the task

        return watch.check(settings.load())

    check()
