"""Settings: where secrets come from, and errors that say what to do."""

from __future__ import annotations

import stat
from datetime import date
from pathlib import Path

import pytest

from yidang import settings as settings_module
from yidang.errors import ConfigError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("YIDANG_HOME", str(tmp_path))
    monkeypatch.delenv("YIDANG_PORT_BASE", raising=False)
    monkeypatch.delenv("YIDANG_DATABASE_URL", raising=False)
    monkeypatch.delenv("YIDANG_AS_OF", raising=False)
    return tmp_path


def test_a_secret_comes_from_the_environment_then_a_file_then_the_generated_ones(
    home: Path, monkeypatch: pytest.MonkeyPatch
):
    loaded = settings_module.load()
    loaded.ensure_secrets(["A_TOKEN"])
    generated = loaded.secret("A_TOKEN")
    assert len(generated) > 30
    (home / "token").write_text("from-file\n")
    monkeypatch.setenv("A_TOKEN_FILE", str(home / "token"))
    assert loaded.secret("A_TOKEN") == "from-file"
    monkeypatch.setenv("A_TOKEN", "from-environment")
    assert loaded.secret("A_TOKEN") == "from-environment"


def test_a_missing_secret_says_where_to_put_it(home: Path):
    with pytest.raises(ConfigError, match="ZIGUI_DSN is not set") as caught:
        settings_module.load().secret("ZIGUI_DSN")
    assert "ZIGUI_DSN_FILE" in caught.value.cure


def test_generated_secrets_stay_the_same(home: Path):
    first = settings_module.load().ensure_secrets(["X"])["X"]
    assert settings_module.load().ensure_secrets(["X", "Y"])["X"] == first


def test_a_port_base_that_is_no_port_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("YIDANG_PORT_BASE", "8o80")
    with pytest.raises(ConfigError, match="YIDANG_PORT_BASE is '8o80'"):
        settings_module.load()


def test_later_commands_know_the_ports_and_server_of_the_demo(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("YIDANG_PORT_BASE", "55330")
    monkeypatch.setenv("YIDANG_DATABASE_URL", "postgresql://boss:secret@db.example/postgres")
    settings_module.load().remember()
    assert stat.S_IMODE((home / "choices.json").stat().st_mode) == 0o600
    monkeypatch.delenv("YIDANG_PORT_BASE")
    monkeypatch.delenv("YIDANG_DATABASE_URL")
    later = settings_module.load()
    assert (later.port_base, later.server) == (55330, ("db.example", 5432))
    monkeypatch.setenv("YIDANG_PORT_BASE", "56330")
    assert settings_module.load().port_base == 56330


def test_as_of_is_given_then_environment_then_recorded(home: Path, monkeypatch: pytest.MonkeyPatch):
    loaded = settings_module.load()
    loaded.as_of_file.write_text("2026-06-30\n")
    assert loaded.as_of() == date(2026, 6, 30)
    monkeypatch.setenv("YIDANG_AS_OF", "2025-12-31")
    assert loaded.as_of() == date(2025, 12, 31)
    assert loaded.as_of(date(2025, 1, 2)) == date(2025, 1, 2)
    monkeypatch.setenv("YIDANG_AS_OF", "yesterday")
    with pytest.raises(ConfigError, match="yesterday"):
        loaded.as_of()


def test_an_outside_server_keeps_its_password_with_odd_characters(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(
        "YIDANG_DATABASE_URL", "postgresql://boss:p%40ss%2Fword@db.example:6543/postgres?sslmode=require"
    )
    loaded = settings_module.load()
    assert loaded.server == ("db.example", 6543)
    loaded.ensure_secrets(["YIDANG_READER_PASSWORD"])
    assert loaded.dsn("reader").endswith("@db.example:6543/yidang?sslmode=require")
    assert loaded.admin_dsn("yidang") == "postgresql://boss:p%40ss%2Fword@db.example:6543/yidang?sslmode=require"


def test_secrets_given_from_outside_win_over_generated_ones_and_are_not_copied(
    home: Path, monkeypatch: pytest.MonkeyPatch
):
    (home / "password").write_text("from-file\n")
    monkeypatch.setenv("YIDANG_LOADER_PASSWORD_FILE", str(home / "password"))
    monkeypatch.setenv("YIDANG_POSTGRES_PASSWORD_FILE", str(home / "password"))
    monkeypatch.setenv("YIDANG_DATABASE_URL", "postgresql://postgres@db.example:5432/postgres")
    loaded = settings_module.load()
    assert loaded.ensure_secrets(["YIDANG_LOADER_PASSWORD", "OTHER"])["YIDANG_LOADER_PASSWORD"] == "from-file"
    assert loaded.dsn("loader").startswith("postgresql://yidang_loader:from-file@db.example:5432/")
    assert loaded.admin_dsn() == "postgresql://postgres:from-file@db.example:5432/postgres"
    assert "from-file" not in loaded.secrets_file.read_text(encoding="utf-8")
