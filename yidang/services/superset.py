"""Superset on loopback: bootstrap (migrations, roles, dashboards) in one process, then gunicorn."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import httpx
import psycopg
from psycopg import sql

from yidang import superset_assets
from yidang.errors import YidangError, no_connection
from yidang.services import process
from yidang.settings import ROOT, SUPERSET_DATABASE, Settings

SERVER = "superset"
SCRIPT_TIMEOUT_SECONDS = 300
FINGERPRINT = "fingerprint"  # beside what was imported: of which import it is
SECRETS = {
    "SUPERSET_SECRET_KEY": "YIDANG_SUPERSET_SECRET_KEY",
    "SUPERSET_GUEST_SECRET": "YIDANG_SUPERSET_GUEST_SECRET",
    "SUPERSET_ADMIN_PASSWORD": "YIDANG_SUPERSET_ADMIN_PASSWORD",
    "SUPERSET_VIEWER_PASSWORD": "YIDANG_SUPERSET_VIEWER_PASSWORD",
}


def start(settings: Settings) -> bool:
    """Prepare and serve. Returns False if it already ran and nothing had changed."""
    prepared = prepare(settings)
    return serve(settings) or prepared


def prepare(settings: Settings) -> bool:
    """Bring Superset's own database up to date with superset/ and dbt's metrics. Returns False if it already was.

    Needs the warehouse server, not the marts: it may run while dbt builds them. A running server is stopped first,
    so that `serve` starts it with the new configuration. Raises YidangError with the end of the log on failure.
    """
    environment(settings)  # makes the secrets, which the fingerprint is taken of
    assets = superset_assets.render(settings)
    fingerprint = _fingerprint(settings, assets)
    if _recorded_fingerprint(settings) == fingerprint:
        return False
    stop(settings)
    folder = imported_dir(settings)
    shutil.rmtree(folder, ignore_errors=True)
    for name, text in assets.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    run_script(settings, "bootstrap", folder, failure="Superset could not be prepared")
    _record_fingerprint(settings, fingerprint)
    (folder / FINGERPRINT).write_text(fingerprint, encoding="utf-8")
    clear_cache(settings)
    return True


def exported(settings: Settings, dashboards: Sequence[str] = ()) -> list[dict]:
    """What Superset holds of our assets, and of these dashboards by slug or number (superset/export_assets.py)."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "assets.json"
        failure = "What Superset holds could not be read"
        run_script(settings, "export_assets", imported_dir(settings), target, *dashboards, failure=failure)
        return json.loads(target.read_text(encoding="utf-8"))


def imported_dir(settings: Settings) -> Path:
    """The files as they were last imported, with metrics and address."""
    return settings.home / "superset" / "assets"


def knows_what_was_imported(settings: Settings) -> bool:
    """Do the files of `imported_dir` belong to the import that Superset's database has seen last?"""
    recorded = imported_dir(settings) / FINGERPRINT
    return recorded.is_file() and recorded.read_text(encoding="utf-8") == _recorded_fingerprint(settings)


def serve(settings: Settings, *, wait: bool = True) -> bool:
    """Start gunicorn. Returns False if it already ran."""
    address = f"127.0.0.1:{settings.port('superset')}"
    config = settings.root / "superset" / "gunicorn_config.py"
    return process.start(
        settings,
        SERVER,
        [settings.python("superset"), "-m", "gunicorn", "-c", config, "-b", address, "superset.app:create_app()"],
        ready=lambda: is_healthy(settings),
        env=environment(settings),
        cwd=settings.root / "superset",
        port=settings.port("superset"),
        wait=wait,
    )


def stop(settings: Settings) -> bool:
    """Returns False if it did not run."""
    return process.stop(settings, SERVER)


def url(settings: Settings) -> str:
    return f"http://127.0.0.1:{settings.port('superset')}/"


def is_healthy(settings: Settings) -> bool:
    try:
        return httpx.get(url(settings) + "health", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


def clear_cache(settings: Settings) -> None:
    """Forget cached figures; call after a build. Safe while Superset serves."""
    for path in (settings.home / "superset" / "cache" / "data").glob("*"):
        path.unlink(missing_ok=True)


def environment(settings: Settings) -> dict[str, str]:
    """What superset/superset_config.py and bootstrap.py ask for."""
    generated = settings.ensure_secrets(list(SECRETS.values()))
    home = settings.home / "superset"
    home.mkdir(parents=True, exist_ok=True)
    return {
        **{variable: generated[name] for variable, name in SECRETS.items()},
        "FLASK_APP": "superset.app:create_app()",
        # the second for what both environments use: yidang.due, yidang.smtp
        "PYTHONPATH": f"{settings.root / 'superset'}:{ROOT}",
        "SUPERSET_CONFIG_PATH": str(settings.root / "superset" / "superset_config.py"),
        "SUPERSET_HOME": str(home),
        "SUPERSET_META_URI": settings.dsn("superset", "+psycopg2"),
        "SUPERSET_WAREHOUSE_PASSWORD": settings.secret("YIDANG_READER_PASSWORD"),
        "SUPERSET_PERSONAL_PASSWORD": settings.secret("YIDANG_PERSONAL_PASSWORD"),
    }


def run_script(
    settings: Settings,
    name: str,
    *arguments: object,
    failure: str,
    given: str = "",
    timeout_seconds: float = SCRIPT_TIMEOUT_SECONDS,
) -> None:
    """Run superset/<name>.py in Superset's environment. given: its input, which no log keeps.

    Raises YidangError that begins with `failure` and holds the end of the log.
    """
    settings.log_dir.mkdir(parents=True, exist_ok=True)
    script = settings.root / "superset" / f"{name}.py"
    with (settings.log_dir / f"superset_{name}.log").open("ab") as log:
        try:
            result = subprocess.run(
                [settings.python("superset"), script, *map(str, arguments)],
                env={**os.environ, **environment(settings)},
                input=given.encode(),
                stdout=log,
                stderr=subprocess.STDOUT,
                timeout=timeout_seconds,
            )
            code = result.returncode
        except subprocess.TimeoutExpired:
            code = None
    if code != 0:
        raise YidangError(
            f"{failure}:\n{process.log_tail(settings, f'superset_{name}')}",
            f"Read {settings.log_dir / f'superset_{name}.log'}.",
        )


# The fingerprint of what was imported lies in Superset's database itself: whoever drops or changes the database takes
# the claim that it is up to date with it.
def _fingerprint(settings: Settings, assets: dict[str, str]) -> str:
    digest = hashlib.sha256(repr(sorted(assets.items())).encode())
    folder = settings.root / "superset"
    for path in [
        *sorted(folder.glob("*.py")),
        *sorted(folder.glob("*.json")),
        settings.root / "requirements" / "superset.txt",
    ]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    for name in SECRETS.values():
        digest.update(settings.secret(name).encode())
    return digest.hexdigest()


def _recorded_fingerprint(settings: Settings) -> str | None:
    query = "select shobj_description(oid, 'pg_database') from pg_database where datname = %s"
    with connect(settings) as connection:
        return connection.execute(query, (SUPERSET_DATABASE,)).fetchone()[0]


def _record_fingerprint(settings: Settings, fingerprint: str) -> None:
    statement = sql.SQL("comment on database {} is {}")
    with connect(settings) as connection:
        connection.execute(statement.format(sql.Identifier(SUPERSET_DATABASE), sql.Literal(fingerprint)))


def connect(settings: Settings) -> psycopg.Connection:
    """To Superset's own database."""
    try:
        return psycopg.connect(settings.dsn("superset"), connect_timeout=10)
    except psycopg.OperationalError as error:
        raise no_connection(
            "Superset's database", error, start="Start it: make demo", login="Run `make demo`."
        ) from None
