"""Roles, databases and grants of the warehouse: created once, checked on every start, least privilege."""

from __future__ import annotations

import shutil
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count

import psycopg
from psycopg import sql

from yidang.errors import YidangError, no_connection
from yidang.services import postgres
from yidang.settings import AIRFLOW_DATABASE, ROLES, SUPERSET_DATABASE, WAREHOUSE_DATABASE, WARNING_KEY, Settings

MINIMUM_MAJOR = 16
SCRATCH_PREFIX = "yidang_try_"
READERS = ("yidang_reader", "yidang_personal")


def start(settings: Settings) -> None:
    """Start the server, where it is our own, and prepare it; later commands know ports and server. Safe to repeat."""
    settings.remember()
    if not settings.admin_url:
        postgres.start(settings, postgres.WAREHOUSE)
    prepare(settings)


def prepare(settings: Settings) -> None:
    """Create what is missing: seven login roles, three databases, grants. Safe to repeat."""
    passwords = settings.ensure_secrets([*(f"YIDANG_{role.upper()}_PASSWORD" for role in ROLES), WARNING_KEY])
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
        admin.execute(_ROLE_RULES)
        _grant(
            admin,
            WAREHOUSE_DATABASE,
            connect=("yidang_loader", "yidang_transformer", "yidang_messenger", *READERS),
        )


def connect(settings: Settings, role: str, purpose: str, *, login: str) -> psycopg.Connection:
    """A role's connection to the warehouse, in transactions. login: what to do where the role is refused.

    Raises YidangError when it does not answer.
    """
    try:
        return psycopg.connect(settings.dsn(role), application_name=f"yidang {purpose}"[:63], connect_timeout=10)
    except psycopg.OperationalError as error:
        raise no_connection(
            "The warehouse", error, start="Start it with `make demo`, or mend YIDANG_DATABASE_URL.", login=login
        ) from None


def exists(settings: Settings) -> bool:
    """Whether there is a warehouse, prepared by this or an earlier installation. Raises YidangError without answer."""
    if not settings.admin_url and not postgres.is_made(settings, postgres.WAREHOUSE):
        return False
    with _connect(settings.admin_dsn()) as admin:
        found = admin.execute("select 1 from pg_database where datname = %s", (settings.warehouse_database,)).fetchone()
    return found is not None


def administer(settings: Settings) -> psycopg.Connection:
    """The administrator's connection to the warehouse (autocommit): for what must work before the roles do."""
    return _connect(settings.admin_dsn(settings.warehouse_database))


@contextmanager
def scratch(settings: Settings) -> Iterator[Settings]:
    """A warehouse of its own, empty and prepared, as settings that point at it; dropped at the end, come what may.

    The administrator only makes and drops it. Inside, the loader and the transformer work as ever, on connections that
    cannot reach the real warehouse, so a running build is neither disturbed nor waited for. What a killed process left
    behind is dropped by the next.
    """
    # The session's lock says "in use" to whoever clears away; it ends with the process, however that ends.
    with _connect(settings.admin_dsn()) as admin:
        # the same few names again: what dbt read for one is of use to the next of that name
        names = (f"{SCRATCH_PREFIX}{number}" for number in count(1))
        name = next(name for name in names if _lock(admin, name))
        own = replace(settings, warehouse_database=name)
        _drop_abandoned(settings, admin)
        try:
            _ensure_database(admin, name, None)
            with _connect(settings.admin_dsn(name)) as inside:
                _grant(inside, name, connect=("yidang_loader", "yidang_transformer", "yidang_messenger"))
            yield own
        except BaseException as error:
            # Interrupted while it was connecting, the traceback holds the half-open connection, and the server would
            # wait a minute for its login before it drops the database.
            traceback.clear_frames(error.__traceback__)
            raise
        finally:
            _drop_scratch(settings, admin, name)


def _drop_abandoned(settings: Settings, admin: psycopg.Connection) -> None:
    pattern = SCRATCH_PREFIX.replace("_", r"\_") + "%"
    found = admin.execute("select datname from pg_database where datname like %s", (pattern,)).fetchall()
    for (name,) in found:
        if _lock(admin, name):
            _drop_scratch(settings, admin, name)
            admin.execute("select pg_advisory_unlock(hashtextextended(%s, 0))", (name,))


def _lock(admin: psycopg.Connection, name: str) -> bool:
    """False where another session has it; an own one is taken once more."""
    return admin.execute("select pg_try_advisory_lock(hashtextextended(%s, 0))", (name,)).fetchone()[0]


def _drop_scratch(settings: Settings, admin: psycopg.Connection, name: str) -> None:
    admin.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
    shutil.rmtree(replace(settings, warehouse_database=name).dbt_target_dir, ignore_errors=True)


# Once per server.
_ROLE_RULES = """
grant yidang_loader, yidang_transformer to current_user;
alter role yidang_reader set default_transaction_read_only = on;
alter role yidang_reader set statement_timeout = '60s';
alter role yidang_personal set default_transaction_read_only = on;
alter role yidang_personal set statement_timeout = '60s';
"""

# loader owns raw_* and landing; transformer reads them and owns everything built; reader sees marts only, personal only
# the clear values of what marts mask; messenger owns warning and sees of marts the calendar (dim_calendar.sql).
_WAREHOUSE_GRANTS = """
revoke create on schema public from public;
alter default privileges for role yidang_loader grant usage on schemas to yidang_transformer;
alter default privileges for role yidang_loader grant select on tables to yidang_transformer;
-- Entering a schema shows nothing: only the tables of marts, or of personal, are granted (dbt_project.yml).
alter default privileges for role yidang_transformer grant usage on schemas to yidang_reader, yidang_personal;
"""


def _grant(admin: psycopg.Connection, database: str, *, connect: tuple[str, ...]) -> None:
    """The grants of a warehouse, over a connection to it. connect: the roles that may enter."""
    name = sql.Identifier(database)
    admin.execute(_WAREHOUSE_GRANTS)
    admin.execute(sql.SQL("revoke all on database {} from public").format(name))
    admin.execute(
        sql.SQL("grant connect on database {} to {}").format(name, sql.SQL(", ").join(map(sql.Identifier, connect)))
    )
    admin.execute(
        sql.SQL("grant create, temporary on database {} to yidang_loader, yidang_transformer, yidang_messenger").format(
            name
        )
    )


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
        # C: text sorts and joins by its bytes, as C.UTF-8 orders it too, and several times faster
        sql.SQL("create database {} encoding 'UTF8' locale_provider libc lc_collate 'C' template template0").format(
            sql.Identifier(name)
        )
        + ownership
    )
    admin.execute(sql.SQL("revoke all on database {} from public").format(sql.Identifier(name)))


def _connect(dsn: str) -> psycopg.Connection:
    try:
        return psycopg.connect(dsn, autocommit=True, connect_timeout=10)
    except psycopg.OperationalError as error:
        raise no_connection(
            "The PostgreSQL server",
            error,
            start="Start it with `make demo`; your own server must answer at the host and port of YIDANG_DATABASE_URL.",
            login="Your own server: correct YIDANG_DATABASE_URL, the password of a role that may create roles and"
            " databases. The one of `make demo`, if an earlier clone in this folder has left its data: `make clean`.",
        ) from None
