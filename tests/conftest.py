"""Shared fixtures: one installation of its own per test session, on real PostgreSQL clusters, in a temporary home."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from yidang import settings as settings_module
from yidang.services import postgres
from yidang.services import warehouse as warehouse_service
from yidang.settings import PORT_OFFSETS, WAREHOUSE_DATABASE, Settings


@pytest.fixture
def counted(record_property) -> Callable[[str], None]:
    """Says what a test of faults counted: printed at the end of the run, where pytest hides what passed tests print."""
    return lambda said: record_property("counted", said)


def pytest_terminal_summary(terminalreporter) -> None:
    reports = [report for found in terminalreporter.stats.values() for report in found]
    said = [value for one in reports for name, value in getattr(one, "user_properties", []) if name == "counted"]
    for line in sorted(set(said)):
        terminalreporter.write_line(f"counted: {line}")


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """An installation with both clusters up and the warehouse prepared; stopped and deleted at the end.

    It sees nothing of the developer's own installation: another home, other ports, no YIDANG_* variables.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in ("YIDANG_DATABASE_URL", "YIDANG_SECRETS_FILE", "YIDANG_DEPARTMENTS_DIR", "YIDANG_AS_OF"):
            patch.delenv(name, raising=False)
        patch.setenv("YIDANG_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("YIDANG_PORT_BASE", str(free_port_base()))
        loaded = settings_module.load()
        try:
            postgres.start(loaded, postgres.WAREHOUSE)
            postgres.start(loaded, postgres.DISTRICT)
            warehouse_service.prepare(loaded)
            yield loaded
        finally:
            for cluster in (postgres.WAREHOUSE, postgres.DISTRICT):
                postgres.stop(loaded, cluster)
            postgres.remove(loaded)
            shutil.rmtree(loaded.home, ignore_errors=True)


@pytest.fixture
def warehouse(settings: Settings) -> Iterator[psycopg.Connection]:
    """Superuser connection (autocommit) to the warehouse database."""
    with psycopg.connect(settings.admin_dsn(WAREHOUSE_DATABASE), autocommit=True) as connection:
        yield connection


@pytest.fixture
def empty_warehouse(warehouse: psycopg.Connection) -> psycopg.Connection:
    """The same connection, after every schema that landing or dbt makes has been dropped."""
    drop_built_schemas(warehouse)
    return warehouse


def drop_built_schemas(connection: psycopg.Connection) -> None:
    """Drop every schema that landing or dbt makes, for fixtures of a wider scope too."""
    schemas = connection.execute(
        "select quote_ident(nspname) from pg_namespace where nspname like any(%s)",
        (["raw\\_%", "landing", "warning", "seeds", "staging", "intermediate", "marts", "personal", "dbt%"],),
    ).fetchall()
    for (schema,) in schemas:
        connection.execute(f"drop schema {schema} cascade")


@pytest.fixture
def district_dsn(settings: Settings) -> str:
    """Superuser connection string of the district's cluster, where tests make source databases of their own."""
    postgres.start(settings, postgres.DISTRICT)  # another file's tests may have stopped it with the district's servers
    password = settings.secret(postgres.DISTRICT.password_secret)
    return f"postgresql://postgres:{password}@127.0.0.1:{settings.port(postgres.DISTRICT.name)}/postgres"


@pytest.fixture
def own(
    settings: Settings,
    empty_warehouse: psycopg.Connection,
    district_dsn: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Settings]:
    """Settings with one department, `ceshi`, whose suite does not exist; its source holds one row."""
    from landing_support import database, table, write_contract

    source = "kind: postgres\ndsn: ${CESHI_DSN}\nschema: hall"
    monkeypatch.setenv("YIDANG_DEPARTMENTS_DIR", str(tmp_path))
    write_contract(tmp_path, "ceshi", source, table(extra="cursor: {column: updated_at}", suite="own"))
    with database(district_dsn, "ceshi") as connection:
        connection.execute("create schema hall")
        connection.execute("create table hall.question (id text, asked_at text, topic text, updated_at timestamp)")
        connection.execute("insert into hall.question values ('1', '2025-03-03', '工程', '2025-03-03 10:00')")
        settings.ensure_secrets([], fixed={"CESHI_DSN": district_dsn.rsplit("/", 1)[0] + "/ceshi"})
        (tmp_path / "expectations").mkdir()
        (tmp_path / "dbt_project").symlink_to(settings.dbt_dir)
        yield replace(settings, root=tmp_path)
    drop_built_schemas(empty_warehouse)  # a later build could not write into schemas of the superuser's


def free_port_base() -> int:
    """A base from which every port of an installation is free now (below the ephemeral range)."""
    first = os.getpid() % 600  # sessions that start at the same moment should not look at the same ports
    for step in range(600):
        base = 20_000 + 20 * ((first + step) % 600)
        if all(_is_free(base + offset) for offset in PORT_OFFSETS.values()):
            return base
    raise RuntimeError("no free ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


# The files that take longest begin first: one of them alone at the end would leave a core idle for minutes.
LONGEST_FIRST = [
    "test_demo",
    "test_access",
    "test_build",
    "test_airflow_end_to_end",
    "test_superset",
    "test_example_districts",
    "test_incremental",
    "test_superset_export",
    "test_containers",
    "test_documents",
    "test_new_department",
    "test_calendar",
    "test_warnings",
    "test_clock_try",
    "test_clock_policy",
    "test_clock_explain",
    "test_build_district",
    "test_bad_input",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(rank)))
