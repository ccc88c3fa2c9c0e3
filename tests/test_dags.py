"""Every DAG file parses, quickly and without touching the world, and every DAG tells people what they need to know."""

from __future__ import annotations

import ast
import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from yidang import contracts, settings
from yidang.services import airflow
from yidang.settings import ROOT

DAG_FILES = sorted((ROOT / "dags").glob("*.py"))
MAXIMUM_LINES = 100
OTHERS = ("build", "freshness", "quality", "reports", "subscriptions", "warnings")  # beside a DAG per department
# What a DAG file may import while it is parsed: all of it is light, and none of it opens a connection.
ALLOWED_AT_PARSE_TIME = {
    "json",
    "datetime",
    "functools",
    "pathlib",
    "airflow.sdk",
    "airflow.sdk.exceptions",
    "yidang",
    "yidang.errors",
}
HEAVY = ["psycopg", "httpx", "pandas", "great_expectations", "dbt", "openpyxl", "sqlalchemy"]

# Airflow reads its configuration when it is imported, so the DAGs are loaded in a process of their own.
LOAD = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
def task(t):
    return {"id": t.task_id, "pool": t.pool, "owner": t.owner, "retries": t.retries,
            "tells": bool(t.on_failure_callback),
            "delay": t.retry_delay.total_seconds(), "backoff": float(t.retry_exponential_backoff)}
def deadline(d):
    return [d.interval.total_seconds() / 60, d.callback.path, d.callback.kwargs]
def described(dag):
    return {"doc": dag.doc_md, "tags": sorted(dag.tags), "max_active_runs": dag.max_active_runs,
            "catchup": dag.catchup, "tasks": [task(t) for t in dag.tasks],
            "deadlines": [deadline(d) for d in dag.deadline or []],
            "crons": [part.expression for part in getattr(dag.timetable, "timetables", [])]}
print(json.dumps({"errors": bag.import_errors, "dags": {i: described(d) for i, d in bag.dags.items()}}))
"""


def load_dags(home: Path, departments: Path) -> dict:
    """{'errors': {file: trace}, 'dags': {id: …}} of all DAG files, as Airflow itself sees them."""
    installation = settings.Settings(
        root=ROOT, home=home, port_base=25330, admin_url="postgresql://nobody@127.0.0.1:1/none"
    )
    installation.ensure_secrets(["YIDANG_AIRFLOW_PASSWORD"])
    variables = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
        **airflow.environment(installation),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/unused.db",
        "YIDANG_DEPARTMENTS_DIR": str(departments),
    }
    command = [installation.python("platform"), "-c", LOAD, str(ROOT / "dags")]
    done = subprocess.run(command, env=variables, cwd=home, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """All DAGs of an installation whose pools are made."""
    home = tmp_path_factory.mktemp("airflow")
    (home / "airflow").mkdir()
    installation = settings.Settings(ROOT, home, 25330, None)
    airflow.note_pools(installation, [pool["name"] for pool in airflow.pools(installation)])
    return load_dags(home, ROOT / "departments")


@pytest.fixture(scope="module")
def departments() -> list[contracts.Department]:
    return contracts.load_departments(settings.Settings(ROOT, ROOT, 25330, None))


def test_all_dags_parse_and_there_is_one_per_department_the_others(loaded, departments):
    assert loaded["errors"] == {}
    assert len(departments) > 0
    assert set(loaded["dags"]) == {*OTHERS, *(f"pull_{item.id}" for item in departments)}


def test_every_dag_has_owner_tags_retries_with_backoff_and_triage_notes(loaded):
    for dag_id, dag in loaded["dags"].items():
        assert dag["tags"], dag_id
        assert dag["max_active_runs"] == 1 and dag["catchup"] is False, dag_id
        assert "When it is red" in dag["doc"] and "Where to look" in dag["doc"], dag_id
        for task in dag["tasks"]:
            assert task["owner"] not in ("", "airflow"), dag_id
            assert task["retries"] >= 1 and task["backoff"] > 1, dag_id
            assert task["delay"] < timedelta(minutes=5).total_seconds(), dag_id


def test_a_departments_dag_tells_what_its_yaml_says(loaded, departments):
    for department in departments:
        dag = loaded["dags"][f"pull_{department.id}"]
        assert department.name in dag["doc"] and department.description in dag["doc"]
        assert [(task["id"], task["owner"]) for task in dag["tasks"]] == [("pull", department.owner)]
        assert ("虚构示例数据" in dag["tags"]) == department.example, "made-up data are named so wherever they show"


def test_who_must_be_told_is_told_when_a_run_is_late_or_fails(loaded, departments):
    """Each pull by the deadline of its YAML, the build by its own; every task when it is not tried again."""
    late = "yidang.callbacks.run_is_late"
    for department in departments:
        minutes = department.deadline_minutes
        kwargs = {"department": department.id, "minutes": minutes}
        assert loaded["dags"][f"pull_{department.id}"]["deadlines"] == [[minutes, late, kwargs]]
    assert loaded["dags"]["build"]["deadlines"] == [[60, late, {"department": None, "minutes": 60}]]
    assert all(task["tells"] for dag in loaded["dags"].values() for task in dag["tasks"])


def test_databases_are_compared_whole_every_sunday_by_a_run_of_their_own(loaded, departments):
    sunday = datetime(2026, 11, 29, 2, tzinfo=settings.TIMEZONE)
    for department in departments:
        weekly = [contracts.WHOLE_COMPARISON] if department.source.kind == "postgres" else []
        assert loaded["dags"][f"pull_{department.id}"]["crons"] == [department.schedule, *weekly]
        assert department.compares_whole(sunday.astimezone(UTC)) == bool(weekly)
        assert not department.compares_whole(sunday + timedelta(hours=1))
        assert not department.compares_whole(None), "begun by hand"
        saturday_evening = sunday - timedelta(minutes=1)
        assert not weekly or department.next_run(saturday_evening) <= sunday


def test_each_pool_a_task_asks_for_is_one_that_start_makes(loaded, departments):
    """A missing pool would leave the task waiting for ever, with no more than a line in the scheduler's log."""
    pools = {pool["name"]: pool["slots"] for pool in airflow.pools(settings.Settings(ROOT, ROOT, 25330, None))}
    asked = {task["pool"] for dag in loaded["dags"].values() for task in dag["tasks"]} - {"default_pool"}
    assert asked == set(pools)
    assert pools["dbt"] == 1
    for department in departments:
        assert pools[f"source_{department.id}"] == department.max_parallel


def test_a_department_whose_pool_is_not_made_yet_runs_in_the_default_pool(tmp_path, departments):
    """A YAML file added while Airflow runs: its DAG is there within seconds, its pool only after `make demo`."""
    (tmp_path / "airflow").mkdir()
    old, new = departments[0].id, departments[1].id
    airflow.note_pools(settings.Settings(ROOT, tmp_path, 25330, None), ["dbt", f"source_{old}"])
    dags = load_dags(tmp_path, ROOT / "departments")["dags"]
    assert [task["pool"] for task in dags[f"pull_{old}"]["tasks"]] == [f"source_{old}"]
    assert [task["pool"] for task in dags[f"pull_{new}"]["tasks"]] == ["default_pool"]


def test_one_broken_yaml_costs_only_its_own_department(tmp_path, departments):
    folder = tmp_path / "departments"
    folder.mkdir()
    good = departments[0].id
    (folder / f"{good}.yml").write_bytes((ROOT / "departments" / f"{good}.yml").read_bytes())
    (folder / "broken.yml").write_text("name: [unclosed\n", encoding="utf-8")
    loaded = load_dags(tmp_path, folder)
    assert loaded["errors"] == {}
    assert set(loaded["dags"]) == {*OTHERS, f"pull_{good}", "pull_broken"}
    assert "broken.yml" in loaded["dags"]["pull_broken"]["doc"]
    assert loaded["dags"]["pull_broken"]["tags"] == ["broken", "pull"]


@pytest.mark.parametrize("path", DAG_FILES, ids=lambda path: path.name)
def test_a_dag_file_is_short_and_imports_nothing_heavy_when_parsed(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAXIMUM_LINES
    imported = set()
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Import):
            imported |= {alias.name for alias in statement.names}
        elif isinstance(statement, ast.ImportFrom):
            imported.add(statement.module)
    assert imported <= ALLOWED_AT_PARSE_TIME


def test_what_dag_files_import_of_yidang_is_light():
    modules = "sys, yidang.callbacks, yidang.contracts, yidang.settings"
    code = f"import {modules}; print([name for name in {HEAVY} if name in sys.modules])"
    python = settings.Settings(ROOT, ROOT, 25330, None).python("platform")
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
