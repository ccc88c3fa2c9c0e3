"""The made-up district's servers: a PostgreSQL cluster with four databases, one HTTP server for two departments."""

from __future__ import annotations

from pathlib import Path

import httpx
import psycopg
from psycopg import sql

from yidang.services import postgres, process
from yidang.settings import Settings

HTTP_SERVER = "district_http"
# Department → its database on the district's cluster; the reader's name and secrets follow from the department.
DATABASES = {
    "zigui": "zigui_exchange",
    "zhujian": "zhujian_exchange",
    "zhengwu": "zhengwu_hall",
    "zhuanban": "zhuanban_team",
}
DROPS = ("shengtai", "renfang")


def prepare_secrets(settings: Settings) -> None:
    """Make the connection strings, tokens and folders that departments/*.yml name. Safe to repeat."""
    passwords = {department: f"{department.upper()}_READER_PASSWORD" for department in DATABASES}
    tokens = ["FAGAI_TOKEN", "SHUIWU_TOKEN"]
    known = settings.ensure_secrets([postgres.DISTRICT.password_secret, *passwords.values(), *tokens])
    server = f"http://127.0.0.1:{settings.port(HTTP_SERVER)}"
    fixed = {"FAGAI_URL": server, "SHUIWU_URL": server}
    for department, database in DATABASES.items():
        login = f"{department}_reader:{known[passwords[department]]}"
        fixed[f"{department.upper()}_DSN"] = f"postgresql://{login}@{_server(settings)}/{database}"
    for department in DROPS:
        fixed[f"{department.upper()}_DROP"] = str(drop_folder(settings, department))
    settings.ensure_secrets([], fixed=fixed)


def start(settings: Settings) -> bool:
    """Start the cluster and the HTTP server. Returns False if both already ran."""
    started = start_databases(settings)
    environment = {"YIDANG_HOME": str(settings.home), "YIDANG_PORT_BASE": str(settings.port_base)}
    command = [settings.python("platform"), "-m", "yidang.district.http_api"]
    port = settings.port(HTTP_SERVER)
    return (
        process.start(settings, HTTP_SERVER, command, ready=lambda: is_healthy(settings), env=environment, port=port)
        or started
    )


def start_databases(settings: Settings) -> bool:
    """Start the cluster; make each department's database and its read-only login."""
    prepare_secrets(settings)
    started = postgres.start(settings, postgres.DISTRICT)
    with psycopg.connect(admin_dsn(settings, "postgres"), autocommit=True) as admin:
        for department, database in DATABASES.items():
            _ensure_reader(admin, department, settings.secret(f"{department.upper()}_READER_PASSWORD"))
            if not admin.execute("select 1 from pg_database where datname = %s", (database,)).fetchone():
                admin.execute(sql.SQL("create database {} template template0").format(sql.Identifier(database)))
            admin.execute(sql.SQL("revoke all on database {} from public").format(sql.Identifier(database)))
            admin.execute(
                sql.SQL("grant connect on database {} to {}").format(
                    sql.Identifier(database), sql.Identifier(reader(department))
                )
            )
    return started


def stop(settings: Settings) -> bool:
    """Stop both servers. Returns False if neither ran."""
    stopped = process.stop(settings, HTTP_SERVER)
    return postgres.stop(settings, postgres.DISTRICT) or stopped


def is_healthy(settings: Settings) -> bool:
    """Whether the HTTP server answers /healthz."""
    try:
        return httpx.get(f"http://127.0.0.1:{settings.port(HTTP_SERVER)}/healthz", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


def admin_dsn(settings: Settings, database: str) -> str:
    """Superuser connection to one of the district's databases: the generator's own way in."""
    return f"postgresql://postgres:{settings.secret(postgres.DISTRICT.password_secret)}@{_server(settings)}/{database}"


def reader(department: str) -> str:
    """Name of the read-only login of a department's database."""
    return f"{department}_reader"


def drop_folder(settings: Settings, department: str) -> Path:
    """Folder into which a department drops its daily file."""
    return settings.district_dir / "drops" / department


def _server(settings: Settings) -> str:
    return f"127.0.0.1:{settings.port(postgres.DISTRICT.name)}"


def _ensure_reader(admin: psycopg.Connection, department: str, password: str) -> None:
    name = sql.Identifier(reader(department))
    if not admin.execute("select 1 from pg_roles where rolname = %s", (reader(department),)).fetchone():
        admin.execute(sql.SQL("create role {} login").format(name))
    admin.execute(sql.SQL("alter role {} password {}").format(name, sql.Literal(password)))
    admin.execute(sql.SQL("alter role {} set default_transaction_read_only = on").format(name))
