"""The command line: help a stranger understands, exit codes that scripts can trust, a reader that cannot write."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from typer.main import get_command

from yidang.cli import app
from yidang.settings import ROOT, Settings

YIDANG = ROOT / ".yidang" / "venv" / "platform" / "bin" / "yidang"


@pytest.fixture
def marts(empty_warehouse: psycopg.Connection) -> Iterator[None]:
    """One table that the reader may read."""
    empty_warehouse.execute(
        "create schema marts; grant usage on schema marts to yidang_reader;"
        " create table marts.fct_stage (case_count int); grant select on marts.fct_stage to yidang_reader"
    )
    yield
    empty_warehouse.execute("drop schema marts cascade")


def run(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([YIDANG, *arguments], capture_output=True, text=True, timeout=120)


def commands() -> list[list[str]]:
    root = get_command(app)
    found = []
    for name, command in root.commands.items():
        found += [[name, child] for child in getattr(command, "commands", {})] or [[name]]
    return found


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_every_command_explains_itself(command: list[str]):
    node = get_command(app)
    for name in command:
        node = node.commands[name]
    assert node.help, f"{command} has no help"
    assert all(getattr(parameter, "help", None) for parameter in node.params), f"an option of {command} has no help"


def test_help_lists_the_commands():
    result = run("--help")
    assert result.returncode == 0
    for word in ("demo", "pull", "build", "report", "sql", "status", "district", "stop"):
        assert word in result.stdout


@pytest.mark.integration
def test_an_unknown_department_lists_the_known_ones(settings: Settings):
    result = run("pull", "zigu")
    assert result.returncode == 2
    assert "zigu" in result.stderr and "zigui" in result.stderr


@pytest.mark.integration
def test_one_department_that_cannot_be_read_does_not_keep_the_next_from_its_turn(settings: Settings, tmp_path: Path):
    broken = tmp_path / "broken.yml"
    broken.write_text("name: [unclosed\n", encoding="utf-8")
    result = run("pull", str(broken), "zigu")
    assert result.returncode == 2
    assert "broken.yml" in result.stderr and "✗ zigu" in result.stderr and "2 of 2 departments failed" in result.stderr


@pytest.mark.integration
def test_pull_wants_to_be_told_what(settings: Settings):
    result = run("pull")
    assert result.returncode == 2
    assert "--all" in result.stderr


@pytest.mark.integration
def test_a_date_that_is_none_is_refused(settings: Settings):
    result = run("build", "--as-of", "2025-13-01")
    assert result.returncode == 2
    assert "2025-13-01" in result.stderr


@pytest.mark.integration
@pytest.mark.parametrize("option", [["--until", "2025-03-01"], ["--until", "2025-02-28"]])
def test_days_that_are_none_are_a_wrong_request(settings: Settings, option: list[str]):
    result = run("pull", "zigui", "nosuch", "--since", "2025-03-01", *option)
    assert result.returncode == 2 and result.stdout == ""
    assert f"No day lies from 2025-03-01 up to, not including, {option[1]}." in result.stderr


@pytest.mark.integration
def test_a_dry_run_that_compares_is_a_wrong_request(settings: Settings):
    result = run("pull", "zigui", "--dry-run", "--reconcile")
    assert result.returncode == 2 and "A dry run compares no days" in result.stderr


@pytest.mark.integration
def test_sql_prints_csv_with_the_reading_role(settings: Settings, warehouse: psycopg.Connection):
    result = run("sql", "select 1 as n, '一档' as word")
    assert (result.returncode, result.stdout) == (0, "n,word\n1,一档\n")
    assert run("sql", "select current_user").stdout == "current_user\nyidang_reader\n"


@pytest.mark.integration
@pytest.mark.parametrize(
    "query",
    [
        "create table stolen (a int)",
        "select 1; drop schema marts cascade",
        "select 1) to stdout; drop schema marts cascade; copy (select 1",
        "select * from pg_authid",
        "select pg_read_file('/etc/passwd')",
        "copy (select 1) to program 'id'",
    ],
)
def test_sql_refuses_anything_but_reading(settings: Settings, query: str):
    result = run("sql", query)
    assert result.returncode == 2
    assert result.stdout == ""


@pytest.mark.integration
@pytest.mark.parametrize(
    "query", ["", ";", "delete from fct_stage", "select 1; select 2", "show port", "explain select 1"]
)
def test_sql_asks_for_one_select(settings: Settings, marts: None, query: str):
    result = run("sql", query)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("✗ Give one SELECT (or WITH … SELECT).")


@pytest.mark.integration
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (
            "select * from fct_stages",
            ['relation "fct_stages" does not exist', "Did you mean fct_stage? All tables: yidang sql"],
        ),
        ("select * from nothing_like_it", ["→ All tables: yidang sql"]),
        (
            "select case_counts from fct_stage",
            ['column "case_counts" does not exist', 'the column "fct_stage.case_count"'],
        ),
        ("selec 1", ['at line 1, column 1: syntax error at or near "selec"']),
        ("select 1,\n  from from fct_stage", ["at line 2, column 3: syntax error"]),
        ("select (1", ["at line 1, column 10: syntax error at end of input"]),
        ("select * from pg_authid", ["permission denied for table pg_authid", "yidang quarantine list", "psql"]),
        ("select n / 0 from generate_series(1, 2) n", ["division by zero"]),
    ],
)
def test_sql_passes_on_what_the_server_says(settings: Settings, marts: None, query: str, expected: list[str]):
    result = run("sql", query)
    assert (result.returncode, [words for words in expected if words not in result.stderr]) == (2, [])


@pytest.mark.integration
def test_a_refused_login_is_not_a_dead_server(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("YIDANG_READER_PASSWORD", "wrong")
    result = run("sql", "select 1")
    assert result.returncode == 2
    assert "The warehouse refuses the login" in result.stderr and "does not answer" not in result.stderr


@pytest.mark.integration
def test_a_dead_server_is_a_sentence_not_a_traceback(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("YIDANG_PORT_BASE", "64990")
    result = run("sql", "select 1")
    assert result.returncode == 1
    assert "The warehouse does not answer: connection to server at" in result.stderr
    assert "Connection refused" in result.stderr
    assert "Traceback" not in result.stderr
