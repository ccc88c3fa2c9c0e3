"""The command line: help a stranger understands, exit codes that scripts can trust, a reader that cannot write."""

from __future__ import annotations

import subprocess

import psycopg
import pytest
from typer.main import get_command

from yidang.cli import app
from yidang.settings import ROOT, Settings

YIDANG = ROOT / ".yidang" / "venv" / "platform" / "bin" / "yidang"


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
def test_a_dead_server_is_a_sentence_not_a_traceback(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("YIDANG_PORT_BASE", "64990")
    result = run("sql", "select 1")
    assert result.returncode == 1
    assert "does not answer" in result.stderr
    assert "Traceback" not in result.stderr
