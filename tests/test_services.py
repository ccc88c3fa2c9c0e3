"""Processes by pid, the PostgreSQL launcher and the warehouse's roles, on real servers."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import sys
import time

import psutil
import psycopg
import pytest

from yidang import settings as settings_module
from yidang.errors import YidangError
from yidang.services import postgres, process, warehouse
from yidang.settings import ROLES, Settings

pytestmark = pytest.mark.integration

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]
PARENT = [
    sys.executable,
    "-c",
    "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
    "time.sleep(60)",
]


def test_a_process_starts_once_and_stops_with_its_children(settings: Settings):
    assert process.start(settings, "parent", PARENT, ready=lambda: True)
    assert not process.start(settings, "parent", PARENT, ready=lambda: True), "the second start finds it running"
    pid = process.find(settings, "parent").pid
    deadline = time.monotonic() + 10
    while not (children := psutil.Process(pid).children()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert process.stop(settings, "parent")
    assert not psutil.pid_exists(pid)
    assert children
    assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)
    assert not process.stop(settings, "parent")


def test_children_of_a_killed_process_are_stopped_too(settings: Settings):
    """kill -9 of Airflow's scheduler leaves its workers in the group; stop() must still end them."""
    process.start(settings, "orphans", PARENT, ready=lambda: True)
    pid = process.find(settings, "orphans").pid
    deadline = time.monotonic() + 10
    while not (children := psutil.Process(pid).children()) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    process.stop(settings, "orphans")
    gone, alive = psutil.wait_procs(children, timeout=5)
    assert children
    assert alive == []


def test_a_process_that_dies_while_starting_shows_its_last_words(settings: Settings):
    argv = [sys.executable, "-c", "print('the licence is missing'); raise SystemExit(3)"]
    with pytest.raises(YidangError, match="the licence is missing"):
        process.start(settings, "dying", argv, ready=lambda: False, timeout_seconds=20)


def test_a_recycled_pid_is_not_taken_for_ours(settings: Settings):
    process.start(settings, "recycled", SLEEPER, ready=lambda: True)
    record = settings.run_dir / "recycled.json"
    real = process.find(settings, "recycled")
    record.write_text(json.dumps({"pid": os.getpid(), "started": real.started - 500}))
    assert process.find(settings, "recycled") is None
    record.write_text(json.dumps({"pid": real.pid, "started": real.started}))
    assert process.stop(settings, "recycled")


def test_a_busy_port_is_named_with_the_way_out(settings: Settings):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(YidangError, match=rf"Port {port}, which superset needs") as caught:
            process.start(settings, "superset", SLEEPER, ready=lambda: True, port=port)
    assert "YIDANG_PORT_BASE" in caught.value.cure


def test_the_cluster_is_version_18_on_loopback_with_scram(settings: Settings):
    assert not postgres.start(settings, postgres.WAREHOUSE), "it runs already"
    with psycopg.connect(settings.admin_dsn()) as connection:
        assert connection.info.server_version // 10_000 == 18
        assert connection.execute("show listen_addresses").fetchone() == ("127.0.0.1",)
        methods = connection.execute("select distinct auth_method from pg_hba_file_rules").fetchall()
    assert methods == [("scram-sha-256",)]
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(settings.admin_dsn().replace(settings.secret("YIDANG_POSTGRES_PASSWORD"), "wrong"))


def test_secrets_are_for_the_owner_only(settings: Settings):
    assert stat.S_IMODE(settings.secrets_file.stat().st_mode) == 0o600


def test_preparing_the_warehouse_again_changes_nothing(settings: Settings):
    before = settings.secrets_file.read_bytes()
    warehouse.prepare(settings)
    assert settings.secrets_file.read_bytes() == before


def test_each_role_can_do_its_step_and_nothing_else(settings: Settings):
    with psycopg.connect(settings.dsn("loader"), autocommit=True) as loader:
        loader.execute(
            "create schema if not exists raw_roles_test; create table if not exists raw_roles_test.t (a text)"
        )
    with psycopg.connect(settings.dsn("transformer"), autocommit=True) as transformer:
        assert transformer.execute("select count(*) from raw_roles_test.t").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            transformer.execute("delete from raw_roles_test.t")
    with psycopg.connect(settings.dsn("reader"), autocommit=True) as reader:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("select * from raw_roles_test.t")
        with pytest.raises(psycopg.errors.Error):
            reader.execute("create schema intruder")
    with psycopg.connect(settings.dsn("loader"), autocommit=True) as loader:
        loader.execute("drop schema raw_roles_test cascade")


def test_a_server_of_ones_own_needs_no_superuser(settings: Settings, district_dsn: str, tmp_path, monkeypatch):
    """YIDANG_DATABASE_URL with a role that may create roles and databases, as a managed PostgreSQL gives it."""
    with psycopg.connect(district_dsn, autocommit=True) as admin:
        admin.execute("create role landlord login createrole createdb password 'own/secret'")
    host_and_port = f"127.0.0.1:{settings.port(postgres.DISTRICT.name)}"
    monkeypatch.setenv("YIDANG_DATABASE_URL", f"postgresql://landlord:own%2Fsecret@{host_and_port}/postgres")
    monkeypatch.setenv("YIDANG_HOME", str(tmp_path))
    own = settings_module.load()
    warehouse.prepare(own)
    warehouse.prepare(own)
    with psycopg.connect(own.dsn("loader"), autocommit=True) as loader:
        loader.execute("create schema raw_own; create table raw_own.t (a text)")
    with psycopg.connect(own.dsn("transformer"), autocommit=True) as transformer:
        assert transformer.execute("select count(*) from raw_own.t").fetchone() == (0,)
        transformer.execute("create schema marts")
    with psycopg.connect(own.dsn("airflow")) as airflow:
        airflow.execute("create table public.own_table (a text)")


def test_no_role_is_a_superuser_or_reaches_another_database(settings: Settings):
    with psycopg.connect(settings.admin_dsn()) as admin:
        powerful = admin.execute(
            "select rolname from pg_roles where rolname = any(%s) and (rolsuper or rolcreaterole or rolcreatedb)",
            ([name for name, _ in ROLES.values()],),
        ).fetchall()
    assert powerful == []
    foreign = settings.dsn("reader").rsplit("/", 1)[0] + "/yidang_airflow"
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(foreign)
