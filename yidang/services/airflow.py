"""Airflow on loopback: api-server, scheduler, dag-processor, triggerer; LocalExecutor; pools from the YAML.

Logins are those of Airflow's simple auth manager, with one generated administrator: the API is up ten seconds sooner
than with FAB, and nobody but this machine's own users can reach it. Where people log in over a network, use FAB.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata

import httpx
import psycopg

from yidang import contracts
from yidang.errors import ConfigError, YidangError, no_connection
from yidang.services import process
from yidang.settings import TIMEZONE, Settings

API, SCHEDULER, DAG_PROCESSOR, TRIGGERER = PROCESSES = (
    "airflow-api",
    "airflow-scheduler",
    "airflow-dag-processor",
    "airflow-triggerer",  # no task of ours defers; without it Airflow's first page shows a red mark
)
# Part of Airflow's health report that speaks of a process.
_HEALTH = {SCHEDULER: "scheduler", DAG_PROCESSOR: "dag_processor", TRIGGERER: "triggerer"}
USER = "admin"
BUILD = "build"
FRESHNESS = "freshness"
DBT_POOL = "dbt"
SECRETS = {
    "password": "YIDANG_AIRFLOW_ADMIN_PASSWORD",
    "fernet": "YIDANG_AIRFLOW_FERNET_KEY",
    "jwt": "YIDANG_AIRFLOW_JWT_SECRET",
    "session": "YIDANG_AIRFLOW_SESSION_SECRET",
}
FINISHED = {"success", "failed"}


@dataclass(frozen=True)
class Run:
    """One run of a DAG. state: 'queued', 'running', 'success' or 'failed'; seconds from start to end (or until now)."""

    dag_id: str
    run_id: str
    state: str
    seconds: float


@dataclass(frozen=True)
class PipelineRuns:
    """What run_pipeline saw: one run per pull, and the builds their news led to (one as a rule; none without news)."""

    pulls: list[Run]
    builds: list[Run]


# -- start and stop --------------------------------------------------------------------------------------
def start(settings: Settings) -> bool:
    """Bring Airflow up and wait until all its DAGs are known. Returns False if it already ran. Safe to repeat.

    Needs the warehouse server (its database `yidang_airflow`). Raises YidangError if a process does not come up or a
    DAG file cannot be imported.
    """
    settings.ensure_secrets(list(SECRETS.values()))
    running = [name for name in PROCESSES if process.find(settings, name)]
    if len(running) < len(PROCESSES):
        prepare(settings)
    airflow = [settings.python("platform"), "-m", "airflow"]
    port = settings.port("airflow")
    commands = {
        API: [*airflow, "api-server", "--host", "127.0.0.1", "--port", str(port)],
        # The api-server reads the logs from disk; the log server would listen on every address of the machine.
        SCHEDULER: [*airflow, "scheduler", "--skip-serve-logs"],
        DAG_PROCESSOR: [*airflow, "dag-processor"],
        TRIGGERER: [*airflow, "triggerer", "--skip-serve-logs"],
    }
    for name, argv in commands.items():
        if name not in running:
            # Workers outlive a killed scheduler and ignore SIGTERM.
            process.stop(settings, name, timeout_seconds=2)
            process.start(
                settings,
                name,
                argv,
                ready=lambda: True,
                env=environment(settings),
                port=port if name == API else None,
                wait=False,
            )
    for name in PROCESSES:
        process.wait_until_ready(settings, name, lambda name=name: _is_ready(settings, name), timeout_seconds=180)
    with _client(settings) as api:
        _import_pools(settings, api)
        _wait_for_dags(settings, api)
    return len(running) < len(PROCESSES)


def prepare(settings: Settings) -> None:
    """Everything the processes need before they start: secrets, logins, database tables. Safe to repeat."""
    settings.ensure_secrets(list(SECRETS.values()))
    _write_passwords(settings)
    _migrate_if_needed(settings)


def stop(settings: Settings) -> bool:
    """Stop the processes and all their workers. Returns False if none ran."""
    # The scheduler first: it ends its workers cleanly while the API, which they report to, still answers.
    return any([process.stop(settings, name) for name in (SCHEDULER, TRIGGERER, DAG_PROCESSOR, API)])


def url(settings: Settings) -> str:
    """Where Airflow's pages are."""
    return f"http://127.0.0.1:{settings.port('airflow')}"


def credentials(settings: Settings) -> tuple[str, str]:
    """Login and password of the administrator."""
    return USER, settings.ensure_secrets([SECRETS["password"]])[SECRETS["password"]]


def environment(settings: Settings) -> dict[str, str]:
    """Everything Airflow must be told, for its processes and for any `airflow …` command beside them."""
    secrets = settings.ensure_secrets(list(SECRETS.values()))
    home = settings.home / "airflow"
    variables = {
        # The tasks load yidang's settings again, in processes of their own.
        "YIDANG_HOME": str(settings.home),
        "YIDANG_PORT_BASE": str(settings.port_base),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(settings.root / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DEFAULT_TIMEZONE": TIMEZONE.key,
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url(settings)}/execution/",
        "AIRFLOW__CORE__FERNET_KEY": secrets[SECRETS["fernet"]].rstrip("=") + "=",  # 32 bytes, one sign of padding
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": settings.dsn("airflow", "+psycopg2"),  # Airflow derives asyncpg's itself
        "AIRFLOW__API__INSTANCE_NAME": "一档 Yidang",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(settings.port("airflow")),
        "AIRFLOW__API__BASE_URL": url(settings),
        "AIRFLOW__API__SECRET_KEY": secrets[SECRETS["session"]],
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets[SECRETS["jwt"]],
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
        # After a killed scheduler: see within half a minute that it is gone, and run its tasks again.
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "15",
        "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "30",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
        # How long a worker may take to notice that its task has ended; by default five seconds are lost per task.
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "False",
        "DO_NOT_TRACK": "1",
    }
    if settings.admin_url:
        variables["YIDANG_DATABASE_URL"] = settings.admin_url
    return variables


def note_pools(settings: Settings, names: list[str]) -> None:
    """Tell the DAGs which pools exist: a task whose pool does not would wait for ever, so it takes the default pool."""
    path = settings.home / "airflow" / "pools.json"
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(names), encoding="utf-8")
    temporary.replace(path)


def pools(settings: Settings) -> list[dict[str, str | int]]:
    """A pool per source, as wide as its YAML allows; and one slot for dbt, as two dbt runs in one database collide."""
    made = [{"name": DBT_POOL, "slots": 1, "description": "One dbt run at a time."}]
    for path in sorted(settings.departments_dir.glob("*.yml")):
        try:
            department = contracts.load_department(settings, path)
        except ConfigError:
            continue  # its DAG goes red and tells the cure (dags/departments.py)
        what = f"How many tasks may read from {department.name} at a time."
        made.append({"name": f"source_{department.id}", "slots": department.max_parallel, "description": what})
    return made


def paused_dags(settings: Settings) -> set[str] | None:
    """The DAGs that somebody has paused; None where that is not known."""
    return _dags(settings, "select dag_id from dag where is_paused")


def running_dags(settings: Settings) -> set[str]:
    """The DAGs of which a run is under way or waits, also between two tries of a task; none where that is not known."""
    return _dags(settings, "select distinct dag_id from dag_run where state in ('queued', 'running')") or set()


def _dags(settings: Settings, query: str) -> set[str] | None:
    """Asked of Airflow's database, which is quicker than its API and answers while Airflow is down; None where not."""
    try:
        with psycopg.connect(settings.dsn("airflow"), connect_timeout=5) as connection:
            return {dag_id for (dag_id,) in connection.execute(query)}
    except (psycopg.Error, ConfigError):
        return None


# -- running the pulls and the build -----------------------------------------------------------------------
def run_pipeline(
    settings: Settings,
    departments: list[str],
    *,
    build_anyway: bool = False,
    timeout_seconds: float = 1800,
    on_progress: Callable[[list[Run]], None] = lambda runs: None,
) -> PipelineRuns:
    """Trigger the pulls of these departments (not of paused ones); wait for them and for the build of their news.

    on_progress gets all runs so far, every second. A build is asked for when the pulls bring no news but the last build
    is missing or failed, or when build_anyway says that it is out of date. Raises YidangError when a pull or the last
    build failed (all are done then), a process of Airflow dies meanwhile or time runs out.
    """
    deadline = time.monotonic() + timeout_seconds
    # Of containers' processes we know nothing; only one that lived when we began can die.
    alive = [name for name in PROCESSES if process.find(settings, name)]
    with _client(settings) as api:
        done_before = {run.run_id for run in _runs(api, BUILD) if run.state in FINISHED}
        wanted = [f"pull_{department}" for department in departments]
        pulls = {dag_id: _trigger(api, dag_id) for dag_id in wanted if not _is_paused(api, dag_id)}
        while True:
            _raise_if_dead(settings, alive)
            pulled = [_run(api, dag_id, run_id) for dag_id, run_id in pulls.items()]
            # The order matters: news leaves the queue in the transaction that makes the run.
            news = api.get(f"/api/v2/dags/{BUILD}/assets/queuedEvents").raise_for_status().json()["total_entries"]
            history = _runs(api, BUILD)
            builds = [run for run in history if run.run_id not in done_before]
            on_progress([*pulled, *builds])
            if not news and all(run.state in FINISHED for run in [*pulled, *builds]):
                up_to_date = history and history[-1].state == "success" and not build_anyway
                if builds or up_to_date:
                    break
                _trigger(api, BUILD)
            if time.monotonic() > deadline:
                unfinished = [run.dag_id for run in [*pulled, *builds] if run.state not in FINISHED]
                raise YidangError(
                    f"Airflow has not finished {', '.join(unfinished)} after {timeout_seconds:.0f} s.",
                    f"Look at {url(settings)} what they are doing.",
                )
            time.sleep(1)
        builds = [run for run in builds if not _found_nothing_to_do(api, run)]
    _raise_if_failed(settings, [*pulled, *builds[-1:]])
    return PipelineRuns(pulled, builds)


def _raise_if_dead(settings: Settings, names: list[str]) -> None:
    dead = [name for name in names if process.find(settings, name) is None]
    if dead:
        logs = ", ".join(f"{settings.log_dir / name}.log" for name in dead)
        raise YidangError(
            f"Airflow cannot go on: {', '.join(dead)} died meanwhile; its last words are in {logs}.",
            "Run make demo again: it starts what is missing.",
        )


def _raise_if_failed(settings: Settings, runs: list[Run]) -> None:
    failed = [run for run in runs if run.state == "failed"]
    if failed:
        logs = [f"{settings.home}/airflow/logs/dag_id={run.dag_id}/run_id={run.run_id}" for run in failed]
        raise YidangError(
            f"Failed in Airflow: {', '.join(run.dag_id for run in failed)}.",
            f"The reason is at the end of the task's log: {url(settings)} or {', '.join(logs)}",
        )


def _is_paused(api: httpx.Client, dag_id: str) -> bool:
    answer = api.get(f"/api/v2/dags/{dag_id}")
    if answer.status_code == httpx.codes.NOT_FOUND:
        raise ConfigError(f"Airflow knows no DAG {dag_id}.", "Is there a departments/*.yml of that name?")
    return answer.raise_for_status().json()["is_paused"]


def _trigger(api: httpx.Client, dag_id: str) -> str:
    answer = api.post(f"/api/v2/dags/{dag_id}/dagRuns", json={"logical_date": None})
    return answer.raise_for_status().json()["dag_run_id"]


def _run(api: httpx.Client, dag_id: str, run_id: str) -> Run:
    return _as_run(api.get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}").raise_for_status().json())


def _runs(api: httpx.Client, dag_id: str) -> list[Run]:
    """The newest runs of a DAG, oldest of them first."""
    answer = api.get(
        f"/api/v2/dags/{dag_id}/dagRuns", params={"order_by": "-run_after", "limit": 50}
    ).raise_for_status()
    return [_as_run(item) for item in reversed(answer.json()["dag_runs"])]


def _found_nothing_to_do(api: httpx.Client, run: Run) -> bool:
    """Whether a run of the build skipped it, because an earlier build contained its news."""
    answer = api.get(f"/api/v2/dags/{BUILD}/dagRuns/{run.run_id}/taskInstances/{BUILD}").raise_for_status()
    return answer.json()["state"] == "skipped"


def _as_run(item: dict) -> Run:
    begin, end = (datetime.fromisoformat(item[key]) if item[key] else None for key in ("start_date", "end_date"))
    seconds = ((end or datetime.now(TIMEZONE)) - begin).total_seconds() if begin else 0.0
    return Run(item["dag_id"], item["dag_run_id"], item["state"], seconds)


# -- small parts -------------------------------------------------------------------------------------------
@contextmanager
def _client(settings: Settings) -> Iterator[httpx.Client]:
    user, password = credentials(settings)
    # trust_env: a proxy for the outer world must not be asked for 127.0.0.1.
    with httpx.Client(base_url=url(settings), timeout=30, trust_env=False) as client:
        try:
            answer = client.post("/auth/token", json={"username": user, "password": password}).raise_for_status()
            client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
            yield client
        except httpx.HTTPError as error:
            raise YidangError(f"Airflow at {url(settings)} fails: {error}", "Run `make demo`.") from error


def _is_ready(settings: Settings, name: str) -> bool:
    try:
        health = (
            httpx.get(f"{url(settings)}/api/v2/monitor/health", timeout=5, trust_env=False).raise_for_status().json()
        )
    except httpx.HTTPError:
        return False
    if name == API:
        return health["metadatabase"]["status"] == "healthy"
    part = _HEALTH[name]
    heartbeat = health[part][f"latest_{part}_heartbeat"]
    running = process.find(settings, name)
    # The heartbeat of the process before this one would say "healthy" for another half minute.
    return bool(running and heartbeat and datetime.fromisoformat(heartbeat).timestamp() > running.started)


def _wait_for_dags(settings: Settings, api: httpx.Client, timeout_seconds: float = 120) -> None:
    expected = [BUILD, FRESHNESS, *(f"pull_{path.stem}" for path in sorted(settings.departments_dir.glob("*.yml")))]
    deadline = time.monotonic() + timeout_seconds
    while True:
        errors = api.get("/api/v2/importErrors").raise_for_status().json()["import_errors"]
        unknown = [dag_id for dag_id in expected if api.get(f"/api/v2/dags/{dag_id}").status_code != httpx.codes.OK]
        if not unknown and not errors:
            return
        if time.monotonic() > deadline:
            text = "\n".join(f"{error['filename']}: {error['stack_trace'][-800:]}" for error in errors)
            raise YidangError(
                f"Airflow does not know {', '.join(unknown) or 'all DAGs'}.\n{text}".strip(),
                f"Read {settings.log_dir / DAG_PROCESSOR}.log.",
            )
        time.sleep(0.3)


def _import_pools(settings: Settings, api: httpx.Client) -> None:
    made = pools(settings)
    action = {"action": "create", "action_on_existence": "overwrite", "entities": made}
    answer = api.patch("/api/v2/pools", json={"actions": [action]}).raise_for_status().json()
    if errors := (answer.get("create") or {}).get("errors"):
        raise YidangError(f"Airflow refused the pools: {errors}", "Check max_parallel in departments/*.yml.")
    note_pools(settings, [pool["name"] for pool in made])


def _write_passwords(settings: Settings) -> None:
    user, password = credentials(settings)
    path = settings.home / "airflow" / "passwords.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump({user: password}, file)


def _migrate_if_needed(settings: Settings) -> None:
    """`airflow db migrate`, unless this version of Airflow did it in this database: it takes five seconds."""
    marker = settings.home / "airflow" / "migrated.json"
    version = metadata.version("apache-airflow-core")
    revision = _schema_revision(settings)
    if (
        revision
        and marker.exists()
        and json.loads(marker.read_text("utf-8")) == {"version": version, "revision": revision}
    ):
        return
    command = [str(settings.python("platform")), "-m", "airflow", "db", "migrate"]
    result = subprocess.run(
        command,
        env={**os.environ, **environment(settings)},
        cwd=settings.root,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise YidangError(
            "Airflow could not prepare its database:\n" + "\n".join(result.stderr.splitlines()[-10:]),
            "Is the PostgreSQL server up, and does the role yidang_airflow own the database yidang_airflow?",
        )
    marker.write_text(json.dumps({"version": version, "revision": _schema_revision(settings)}), encoding="utf-8")


def _schema_revision(settings: Settings) -> str | None:
    try:
        with psycopg.connect(settings.dsn("airflow"), connect_timeout=10) as connection:
            if connection.execute("select to_regclass('alembic_version')").fetchone()[0] is None:
                return None
            return connection.execute("select version_num from alembic_version").fetchone()[0]
    except psycopg.OperationalError as error:
        raise no_connection(
            "Airflow's database", error, start="Start it: make demo", login="Run `make demo`."
        ) from None
