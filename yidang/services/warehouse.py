"""Roles, databases and grants of the warehouse: created once, checked on every start, least privilege."""

from __future__ import annotations

import psycopg
from psycopg import sql

from yidang.errors import YidangError
from yidang.settings import AIRFLOW_DATABASE, ROLES, SUPERSET_DATABASE, WAREHOUSE_DATABASE, Settings

MINIMUM_MAJOR = 16


def prepare(settings: Settings) -> None:
    """Create what is missing: five login roles, three databases, grants. Safe to repeat."""
    passwords = settings.ensure_secrets([f"YIDANG_{role.upper()}_PASSWORD" for role in ROLES])
    with _connect(settings.admin_dsn()) as admin:
        if admin.info.server_version < MINIMUM_MAJOR * 10_000:
            raise YidangError(
                f"The PostgreSQL server is version {admin.info.server_version // 10_000}.",
                f"Yidang needs {MINIMUM_MAJOR} or newer: point YIDANG_DATABASE_URL at one, or unset it.",
            )
        for role, (name, _) in ROLES.items():
            _ensure_role(admin, name, passwords[f"YIDANG_{role.upper()}_PASSWORD"])
        for database, owner in (
            (WAREHOUSE_DATABASE, None),
            (AIRFLOW_DATABASE, "yidang_airflow"),
            (SUPERSET_DATABASE, "yidang_superset"),
        ):
            _ensure_database(admin, database, owner)
    with _connect(settings.admin_dsn(WAREHOUSE_DATABASE)) as admin:
        admin.execute(_WAREHOUSE_GRANTS)


# loader owns raw_* and landing; transformer reads them and owns everything built; reader sees marts only.
_WAREHOUSE_GRANTS = """
revoke create on schema public from public;
revoke all on database yidang from public;
grant connect on database yidang to yidang_loader, yidang_transformer, yidang_reader;
grant create, temporary on database yidang to yidang_loader, yidang_transformer;
grant yidang_loader, yidang_transformer to current_user;
alter default privileges for role yidang_loader grant usage on schemas to yidang_transformer;
alter default privileges for role yidang_loader grant select on tables to yidang_transformer;
-- Entering a schema shows nothing: only the tables of marts are granted to the reader (dbt_project.yml).
alter default privileges for role yidang_transformer grant usage on schemas to yidang_reader;
alter role yidang_reader set default_transaction_read_only = on;
alter role yidang_reader set statement_timeout = '60s';
"""


def _ensure_role(admin: psycopg.Connection, name: str, password: str) -> None:
    exists = admin.execute("select 1 from pg_roles where rolname = %s", (name,)).fetchone()
    # Without SUPERUSER one may create plain roles, but not even repeat "nosuperuser" on an existing one.
    create = sql.SQL("create role {} login nosuperuser nocreatedb nocreaterole password {}")
    statement = sql.SQL("alter role {} password {}") if exists else create
    admin.execute(statement.format(sql.Identifier(name), sql.Literal(password)))


def _ensure_database(admin: psycopg.Connection, name: str, owner: str | None) -> None:
    if admin.execute("select 1 from pg_database where datname = %s", (name,)).fetchone():
        return
    if owner:
        admin.execute(sql.SQL("grant {} to current_user").format(sql.Identifier(owner)))
    ownership = sql.SQL(" owner {}").format(sql.Identifier(owner)) if owner else sql.SQL("")
    admin.execute(
        sql.SQL("create database {} encoding 'UTF8' template template0").format(sql.Identifier(name)) + ownership
    )
    admin.execute(sql.SQL("revoke all on database {} from public").format(sql.Identifier(name)))


def _connect(dsn: str) -> psycopg.Connection:
    try:
        return psycopg.connect(dsn, autocommit=True, connect_timeout=10)
    except psycopg.OperationalError as error:
        raise YidangError(
            f"The PostgreSQL server does not answer: {str(error).strip().splitlines()[-1]}",
            "Is it running, and is YIDANG_DATABASE_URL right (a role that may create roles and databases)?",
        ) from None
