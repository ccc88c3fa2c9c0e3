"""One part of the platform in the foreground of a container.

usage: entrypoint.py init         make roles, databases, landing tables, Airflow's tables and pools, and the dashboards'
                                  files for the init of Superset's image; then end
       entrypoint.py airflow …    Airflow with everything it must be told: airflow scheduler, airflow dags list
       entrypoint.py COMMAND …    anything else as it stands, e.g. yidang status

Variables set on the container win over the ones Yidang derives, so compose alone decides on hosts and ports.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile

from yidang import contracts, landing, superset_assets
from yidang.errors import YidangError
from yidang.services import airflow, warehouse
from yidang.settings import Settings, load


def main(command: list[str]) -> None:
    if command == ["init"]:
        prepare(load())
    elif command[0] == "airflow":
        settings = load()
        argv = [*airflow_command(settings), *command[1:]]
        os.execve(argv[0], argv, environment(settings))
    else:
        os.execvp(command[0], command)


def prepare(settings: Settings) -> None:
    """Everything that must exist before the services start. Safe to repeat."""
    warehouse.prepare(settings)
    landing.ensure_landing(settings, contracts.load_departments(settings))
    airflow.prepare(settings)
    # No API answers yet, so the pools go in by Airflow's own command. A task whose pool is missing would wait for ever.
    pools = {pool.pop("name"): {**pool, "include_deferred": False} for pool in airflow.pools(settings)}
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(pools, file)
        file.flush()
        command = [*airflow_command(settings), "pools", "import", file.name]
        subprocess.run(command, env=environment(settings), check=True)
    airflow.note_pools(settings, list(pools))
    # Superset's image has neither dbt's metrics nor what compiles them.
    for name, text in superset_assets.render(settings).items():
        path = settings.home / "superset" / "assets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def airflow_command(settings: Settings) -> list[str]:
    return [str(settings.python("platform")), "-m", "airflow"]


def environment(settings: Settings) -> dict[str, str]:
    return {**airflow.environment(settings), **os.environ}


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except YidangError as error:
        sys.exit(str(error))
