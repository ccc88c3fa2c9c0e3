"""The set-up script: one clear sentence with its cure for a wrong Python, no disk and no registry."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from yidang.settings import ROOT

SCRIPT = ROOT / "scripts" / "setup_environments.py"


@pytest.fixture
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("setup_environments", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_another_python_is_refused(script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.setattr(script.sys, "version_info", (3, 12, 1))
    assert script.main(["platform"]) == 1
    message = capsys.readouterr().err
    assert "Python 3.12 was found, Yidang needs 3.11" in message
    assert "PYTHON=" in message


def test_a_full_disk_is_said_before_anything_is_made(script: ModuleType, monkeypatch, capsys, tmp_path: Path):
    monkeypatch.setattr(script.shutil, "disk_usage", lambda path: SimpleNamespace(free=2**29))
    monkeypatch.setattr(script, "VENV", tmp_path / "venv")
    assert script.main(["platform"]) == 1
    assert "Only 0.5 GiB are free" in capsys.readouterr().err
    assert not (tmp_path / "venv").exists()


def test_an_unreachable_registry_is_named_as_such(tmp_path: Path):
    """A clone of its own, no cache, and a registry where nothing listens."""
    for folder in ("scripts", "requirements"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    nowhere = "http://127.0.0.1:9/simple"
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "UV_"))},
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": nowhere,
        "PIP_RETRIES": "0",
        "PIP_NO_CACHE_DIR": "1",
    }
    command = [sys.executable, tmp_path / "scripts" / "setup_environments.py", "platform"]
    result = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert result.returncode == 1
    assert "The package registry did not give what the installer needs" in result.stderr
    assert "→ Check the network" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_unknown_environment_lists_the_known_ones(script: ModuleType, monkeypatch, capsys):
    monkeypatch.setattr(script, "ensure_uv", lambda: Path("uv"))
    assert script.main(["plattform"]) == 1
    assert "Known: platform, superset, dev" in capsys.readouterr().err


def test_a_developers_tools_stay_when_only_the_platform_is_asked_for(script: ModuleType, monkeypatch, tmp_path: Path):
    ran = []
    monkeypatch.setattr(
        script, "run", lambda command, env=None: ran.append(command) or SimpleNamespace(returncode=0, stdout="")
    )
    monkeypatch.setattr(script, "VENV", tmp_path)
    (tmp_path / "platform" / "bin").mkdir(parents=True)
    (tmp_path / "platform" / "bin" / "python").touch()
    (tmp_path / "platform" / "yidang-lock.sha256").write_text("platform.txt dev.txt of-yesterday")
    script.make_environment(Path("uv"), "platform", [ROOT / "requirements" / "platform.txt"])
    (sync,) = [command for command in ran if "sync" in command]
    assert ROOT / "requirements" / "dev.txt" in sync
