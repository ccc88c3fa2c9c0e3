"""The DAG `warnings`: send what the builds put into the outbox, after each build and every ten minutes."""

from datetime import timedelta

from airflow.sdk import DAG, Asset, AssetOrTimeSchedule, CronTriggerTimetable, task

from yidang import callbacks, settings

DOC = """
### Messages about cases that run out of time
Sends what waits in the outbox (`warning.message`) by the channels of `warnings.yml`, and tries again what a channel did
not take: after 2, 4, 8 … minutes, eight times. On closed days nothing is sent.

**When it is red.** Messages were given up, or `warnings.yml` or the calendar must be mended; the task's log ends with
the reason and the cure. Nothing is lost: `yidang warnings list` shows each message, `yidang warnings retry` puts what
was given up back into the queue.

**Where to look.** Task log (here), `yidang warnings list`, the mart `fct_warning`, the table `warning.attempt`.
"""

with DAG(
    "warnings",
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("*/10 * * * *", timezone=settings.TIMEZONE.key),  # every ten minutes
        assets=Asset("marts"),
    ),
    catchup=False,
    max_active_runs=1,
    doc_md=DOC,
    tags=["warnings"],
    default_args={
        "owner": "data-team",
        "retries": 1,
        "retry_delay": timedelta(minutes=1),
        "retry_exponential_backoff": 2.0,
        "execution_timeout": timedelta(hours=1),
        "on_failure_callback": callbacks.run_failed,
    },
):

    @task
    def send() -> dict[str, int]:
        from yidang.warning import send as sender  # heavy imports stay in the task

        return dict(sender.send(settings.load()).counts)

    send()
