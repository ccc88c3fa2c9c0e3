"""One DAG per department, made from departments/*.yml: pull what is new, check it, announce it as an asset.

A new department is a new YAML file; this file is not edited for it.
"""

import json
from datetime import date, timedelta
from functools import partial
from pathlib import Path

from airflow.sdk import DAG, Asset, AssetAlias, MultipleCronTriggerTimetable, Param, task
from airflow.sdk.exceptions import AirflowFailException

from yidang import callbacks, contracts, settings
from yidang.errors import ConfigError

DOC, BROKEN = ((Path(__file__).parent / name).read_text("utf-8") for name in ("pull.md", "broken.md"))

# On the first day, no run for a slot that passed hours ago, beside the one that `make demo` asks for.
FIRST_RUN = timedelta(minutes=5)
# Asked for when a run is triggered by hand (UI: "Trigger", CLI: `airflow dags trigger -c '{"since": …}'`).
PARAMS = {
    "since": Param(None, type=["null", "string"], format="date", description="Read again from this day on."),
    "until": Param(None, type=["null", "string"], format="date", description="… up to, not including, this day."),
    "reconcile": Param(False, type="boolean", description="Compare every day with the source (databases only)."),
}


@task
def pull(department: str, *, run_id=None, ti=None, dag_run=None, params=None, outlet_events=None) -> dict[str, int]:
    from yidang import landing  # heavy imports stay in the task: this file is parsed again and again

    config = settings.load()
    since, until = (date.fromisoformat(params[name]) if params[name] else None for name in ("since", "until"))
    try:
        contract = contracts.load_department(config, department)
        result = landing.pull(
            config,
            contract,
            run_id=run_id,
            since=since,
            until=until,
            reconcile_all=params["reconcile"] or contract.compares_whole(dag_run.logical_date),
        )
    except ConfigError as error:
        raise AirflowFailException(str(error)) from error  # retrying cannot help
    # An earlier attempt may have landed rows and died before it could announce them.
    if result.is_news or ti.try_number > 1:
        rows = {table.table: table.rows_landed for table in result.tables}
        outlet_events[AssetAlias(f"news_{department}")].add(Asset(f"raw_{department}"), extra={"rows_landed": rows})
    return result.counts


def department_dag(
    department: str, schedules: list[str], minutes: float, doc: str, *, owner: str, tags: list[str], pool: str
) -> DAG:
    """A DAG with the one coarse task `pull`. schedules: cron lines, Asia/Shanghai. minutes: until it must end."""
    with DAG(
        f"pull_{department}",
        schedule=MultipleCronTriggerTimetable(*schedules, timezone=settings.TIMEZONE.key, run_immediately=FIRST_RUN),
        catchup=False,  # the ledger's cursor, not the run's date, says what is new: missed runs need no replay
        max_active_runs=1,
        deadline=callbacks.deadline(minutes, department),
        doc_md=doc,
        params=PARAMS,
        tags=["pull", *tags],
        default_args={
            "owner": owner,
            "retries": 3,
            "retry_delay": timedelta(seconds=20),
            "retry_exponential_backoff": 2.0,
            "max_retry_delay": timedelta(minutes=10),
            "execution_timeout": timedelta(hours=2),
            "on_failure_callback": partial(callbacks.run_failed, department=department),
        },
    ) as dag:
        # An alias, because a task's plain outlets announce every success, also of a pull that found nothing new.
        pull.override(pool=pool, outlets=[AssetAlias(f"news_{department}")])(department)
    return dag


CONFIG = settings.load()
# A department added while Airflow runs has no pool before the next `make demo`, and a missing pool is waited for.
POOLS_FILE = CONFIG.home / "airflow" / "pools.json"
POOLS = json.loads(POOLS_FILE.read_text("utf-8")) if POOLS_FILE.exists() else []
for path in sorted(CONFIG.departments_dir.glob("*.yml")):
    try:
        contract = contracts.load_department(CONFIG, path)
    except ConfigError as problem:
        # One broken file must not take the other departments' DAGs with it: its own goes red and tells the cure.
        doc = BROKEN.format(path=path.name, error=problem)
        named = {"owner": "data-team", "tags": ["broken"], "pool": "default_pool"}
        dag = department_dag(path.stem, ["0 6 * * *"], contracts.DEADLINE_MINUTES, doc, **named)
    else:
        doc = DOC.format(id=contract.id, name=contract.name, description=contract.description)
        pool = f"source_{contract.id}" if f"source_{contract.id}" in POOLS else "default_pool"
        tags = [contract.id, contract.name, *(["虚构示例数据"] if contract.example else [])]
        named = {"owner": contract.owner, "tags": tags, "pool": pool}
        dag = department_dag(contract.id, contract.schedules, contract.deadline_minutes, doc, **named)
    globals()[dag.dag_id] = dag
