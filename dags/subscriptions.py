"""The DAG `subscriptions`: dashboards by mail, every ten minutes what has become due."""

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable, task
from airflow.sdk.exceptions import AirflowSkipException

from yidang import callbacks, settings

DOC = """
### Dashboards by mail
Sends each subscription (Superset → 设置 → 告警和报告) that has become due, as PDF or PNG, as its owner sees the page.
Where nothing is due, Superset is not even started. It is skipped where Superset is elsewhere (in containers).

**When it is red.** Some were not sent; the task's log names them with the reason. They are tried again by the next
runs, three times in all. After a machine was off, each is sent once, however many of its times have passed.

**Where to look.** Task log (here), `yidang superset subscriptions list`, the execution log in Superset,
`.yidang/log/superset_send_subscriptions.log`; what left: `yidang superset audit`.
"""

with DAG(
    "subscriptions",
    schedule=CronTriggerTimetable("*/10 * * * *", timezone=settings.TIMEZONE.key),  # every ten minutes
    catchup=False,
    max_active_runs=1,
    doc_md=DOC,
    tags=["superset"],
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
    def send() -> list[str]:
        from yidang import subscriptions  # heavy imports stay in the task

        here = settings.load()
        if not here.python("superset").exists():
            raise AirflowSkipException("Superset's own container sends them (docs/containers.md).")
        return [f"{one['name']}: {one['result']}" for one in subscriptions.send(here)]

    send()
