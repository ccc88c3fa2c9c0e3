"""The DAG `build`: when a department has landed something new, rebuild everything above raw, once for all that came."""

from datetime import datetime, timedelta

from airflow.sdk import DAG, Asset, AssetAny, AssetOrTimeSchedule, CronTriggerTimetable, task
from airflow.sdk.exceptions import AirflowSkipException

from yidang import callbacks, settings

DOC = """
### raw → staging → intermediate → marts
Starts when any department's pull announces new rows, and every morning, because open cases age without any new row.

**What it does.** `collect` waits (15 minutes at most) until no pull is running, so that pulls which finish one after
the other share one build. `build` is the whole of `yidang build`; then it empties Superset's cache. A run whose news
is already in an earlier build skips its `build`.

**When it is red.** The marts above the failed model keep what the last good build wrote. The task's log ends with the
failed models and tests. Reproduce it with `yidang build` in a shell, mend it, clear the task. Raw is never touched.

**Where to look.** Task log (here), `yidang status`, `dbt_project/target/run/` for the SQL that ran.
"""

CONFIG = settings.load()
DEPARTMENTS = sorted(path.stem for path in CONFIG.departments_dir.glob("*.yml"))
RAW = [Asset(f"raw_{department}") for department in DEPARTMENTS]
MARTS = Asset("marts")

with DAG(
    "build",
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable(  # every day at 06:30
            "30 6 * * *", timezone=settings.TIMEZONE.key, run_immediately=timedelta(minutes=5)
        ),
        assets=AssetAny(*RAW),
    ),
    catchup=False,
    max_active_runs=1,  # news that arrives during a build waits and shares the next one
    deadline=callbacks.deadline(minutes=60),  # the wait for other pulls included
    doc_md=DOC,
    tags=["build"],
    default_args={
        "owner": "data-team",
        "retries": 1,
        "retry_delay": timedelta(seconds=30),
        "retry_exponential_backoff": 2.0,
        "execution_timeout": timedelta(hours=2),
        "on_failure_callback": callbacks.run_failed,
    },
):
    # Soft: a pull that runs for hours, or hangs, delays the others' figures by 15 minutes and no more.
    @task.sensor(poke_interval=2, timeout=15 * 60, soft_fail=True)
    def collect(*, ti=None) -> bool:
        # Not 'up_for_retry': a source that is down is waited for while it is being tried, not between the tries.
        at_work = ["scheduled", "queued", "running"]
        return not any(ti.get_ti_count(f"pull_{department}", states=at_work) for department in DEPARTMENTS)

    # Two dbt runs in one database break each other: a pool of one slot.
    @task(pool="dbt", trigger_rule="none_failed", inlets=[MARTS], outlets=[MARTS])
    def build(*, ti=None, triggering_asset_events=None, inlet_events=None, outlet_events=None) -> dict[str, int]:
        news = [event.timestamp for events in triggering_asset_events.values() for event in events]
        for last in inlet_events[MARTS].ascending(False).limit(1):
            started = last.extra.get("started")  # an event made by hand in the UI has none
            if news and started and max(news) < datetime.fromisoformat(started):
                raise AirflowSkipException(f"The build that started at {started} already contains this news.")

        from yidang.build import build as build_marts  # heavy imports, not for a run that has nothing to do
        from yidang.services import superset

        config = settings.load()
        as_of = config.as_of()
        result = build_marts(config, as_of=as_of)
        outlet_events[MARTS].extra = {"started": ti.start_date.isoformat(), "as_of": as_of.isoformat()}
        superset.clear_cache(config)
        return {"nodes": result.nodes, "passed": result.passed, "warned": result.warned}

    collect() >> build()
