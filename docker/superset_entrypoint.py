"""Superset in the foreground of a container.

usage: superset_entrypoint.py init     database tables, roles, accounts and dashboards; then end
       superset_entrypoint.py serve    the web server
       superset_entrypoint.py subscriptions
                                       dashboards by mail: every ten minutes what has become due
       superset_entrypoint.py yidang superset user|audit …
                                       accounts, and what left Superset

Variables set on the container win over the ones Yidang derives, so compose alone decides on hosts and ports.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from yidang.errors import YidangError
from yidang.services import superset
from yidang.settings import Settings, load

PERIOD_SECONDS = 600


def main(command: list[str]) -> None:
    settings = load()
    os.environ.update({"SUPERSET_ADDRESS": "127.0.0.1", **superset.environment(settings), **os.environ})
    folder = settings.root / "superset"
    if command == ["init"]:
        assets = superset.imported_dir(settings)  # written by the init of the platform's image
        os.execv(sys.executable, [sys.executable, str(folder / "bootstrap.py"), str(assets)])
    elif command == ["serve"]:
        address = f"{os.environ['SUPERSET_ADDRESS']}:{settings.port('superset')}"
        server = ["gunicorn", "-c", str(folder / "gunicorn_config.py"), "-b", address, "superset.app:create_app()"]
        os.execv(sys.executable, [sys.executable, "-m", *server])
    elif command == ["subscriptions"]:
        send_subscriptions(settings)
    elif command[0] == "yidang":
        os.execv(sys.executable, [sys.executable, "-m", "yidang.cli", *command[1:]])
    else:
        os.execvp(command[0], command)


def send_subscriptions(settings: Settings) -> None:
    """What the DAG `subscriptions` does where Superset is on Airflow's machine. For ever."""
    asked = {
        "mail": {"url": settings.secret("SUPERSET_MAIL_URL"), "sender": settings.secret("SUPERSET_MAIL_SENDER")},
        "pages": os.environ["SUPERSET_PAGES"],
        "link": os.environ["SUPERSET_LINK"],
        "now": None,
    }
    script = settings.root / "superset" / "send_subscriptions.py"
    while True:
        done = subprocess.run([sys.executable, script, "/tmp/sent.json"], input=json.dumps(asked), text=True)
        if done.returncode == 0:
            Path("/tmp/alive").touch()  # for the health check
        time.sleep(PERIOD_SECONDS - time.time() % PERIOD_SECONDS)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except YidangError as error:
        sys.exit(str(error))
