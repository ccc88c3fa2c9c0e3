#!/usr/bin/env python3
"""Make the Python environments of this clone from the hash-locked sets in requirements/. Standard library only.

usage: setup_environments.py platform superset [dev]     what `make demo` and `make test` call
       setup_environments.py --lock                      resolve requirements/*.in again (for maintainers)

uv does the installing. The registry is the one your pip (or UV_DEFAULT_INDEX) is configured for; none is named here.
An environment whose locked set did not change is left alone.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".yidang" / "venv"
NEED_GIB = 4.0
# dev goes into the platform environment: the tests import what they test.
SETS = {"platform": ["platform"], "superset": ["superset"], "dev": ["platform", "dev"]}


class SetupError(Exception):
    pass


def main(arguments: list[str]) -> int:
    try:
        check_machine()
        uv = ensure_uv()
        if arguments == ["--lock"]:
            lock(uv)
        else:
            make_environments(uv, arguments)
        return 0
    except SetupError as error:
        print(f"✗ {error}", file=sys.stderr)
        return 1


def check_machine() -> None:
    if sys.version_info[:2] != (3, 11):
        raise SetupError(
            f"Python {sys.version_info[0]}.{sys.version_info[1]} was found, Yidang needs 3.11.\n"
            "  → Install it (Debian 12: apt-get install python3-venv), then: make demo PYTHON=/path/to/python3.11"
        )
    free_gib = shutil.disk_usage(ROOT).free / 2**30
    if free_gib < NEED_GIB and not (VENV / "superset").exists():
        raise SetupError(
            f"Only {free_gib:.1f} GiB are free under {ROOT}; {NEED_GIB:.0f} are needed.\n  → Free some space."
        )


def ensure_uv() -> Path:
    """The installer, in an environment of its own (or the one already on PATH when no venv can be made)."""
    uv = VENV / "uv" / "bin" / "uv"
    lock_file = ROOT / "requirements" / "uv.txt"
    if is_current(VENV / "uv", [lock_file]):
        return uv
    with Step("the installer (uv)"):
        shutil.rmtree(VENV / "uv", ignore_errors=True)
        made = run([sys.executable, "-m", "venv", VENV / "uv"])
        if made.returncode and os.geteuid() == 0 and shutil.which("apt-get"):
            run(["apt-get", "update", "-qq"])
            run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "python3-venv"])
            made = run([sys.executable, "-m", "venv", VENV / "uv"])
        if made.returncode:
            if on_path := shutil.which("uv"):
                return Path(on_path)
            raise SetupError(
                "Python cannot make virtual environments: its venv module is not complete.\n"
                "  → Install it (Debian/Ubuntu: sudo apt-get install python3-venv) and run the command again."
            )
        pip = [VENV / "uv" / "bin" / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        must(run([*pip, "--require-hashes", "-r", lock_file]), "the installer")
        mark_current(VENV / "uv", [lock_file])
    return uv


def make_environments(uv: Path, names: list[str]) -> None:
    unknown = set(names) - set(SETS)
    if unknown or not names:
        raise SetupError(
            f"Unknown environment {', '.join(sorted(unknown)) or '(none)'}.\n  → Known: {', '.join(SETS)}."
        )
    wanted = {SETS[name][0]: SETS[name] for name in names}  # dev, named after platform, widens it
    tasks = [
        (environment, [ROOT / "requirements" / f"{name}.txt" for name in files])
        for environment, files in wanted.items()
    ]
    with ThreadPoolExecutor(len(tasks)) as pool:
        for future in [pool.submit(make_environment, uv, *task) for task in tasks]:
            future.result()


def make_environment(uv: Path, name: str, locks: list[Path]) -> None:
    target = VENV / name
    dev = ROOT / "requirements" / "dev.txt"
    if (target / "yidang-lock.sha256").exists() and dev.name in (target / "yidang-lock.sha256").read_text():
        locks = [*locks, *({dev} - {*locks})]  # what a developer added stays, also when the platform's set changes
    if is_current(target, locks):
        return
    with Step(f"environment {name}"):
        python = target / "bin" / "python"
        if not python.exists():
            must(run([uv, "venv", "-q", "--no-project", "--python", sys.executable, target]), name)
        sync = [uv, "pip", "sync", "-q", "--python", python, "--compile-bytecode", "--require-hashes"]
        must(run([*sync, *locks], env=registry()), name)
        if name == "platform":
            install = [uv, "pip", "install", "-q", "--python", python]
            must(run([*install, "--no-deps", "--no-build-isolation", "--no-index", "-e", ROOT]), "yidang itself")
        mark_current(target, locks)


def lock(uv: Path) -> None:
    for name in ("uv", "platform", "superset", "dev"):
        with Step(f"lock {name}"):
            source, target = ROOT / "requirements" / f"{name}.in", ROOT / "requirements" / f"{name}.txt"
            constraint = ["-c", ROOT / "requirements" / "platform.txt"] if name == "dev" else []
            command = [uv, "pip", "compile", "-q", "--python-version", "3.11", "--generate-hashes"]
            command += ["--no-emit-index-url", "--no-header", *constraint, source, "-o", target]
            must(run(command, env=registry()), name)


def registry() -> dict[str, str]:
    """Let uv use what pip is configured for (a mirror, a private certificate); uv itself reads no pip.conf."""
    extra = {}
    listing = run([VENV / "uv" / "bin" / "python", "-m", "pip", "config", "list"]).stdout
    for line in listing.splitlines():
        key, _, value = line.partition("=")
        value = value.strip("'\"")
        if key.endswith(".index-url") and "UV_DEFAULT_INDEX" not in os.environ:
            extra["UV_DEFAULT_INDEX"] = value
        if key.endswith(".cert") and "SSL_CERT_FILE" not in os.environ and Path(value).exists():
            extra["SSL_CERT_FILE"] = value
    return extra


# -- small parts -----------------------------------------------------------------------------------------
def run(command: list, env: dict[str, str] | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, cwd=ROOT, env={**os.environ, **(env or {})}
    )


def must(result: subprocess.CompletedProcess, what: str) -> None:
    if result.returncode == 0:
        return
    text = (result.stderr or result.stdout).strip()
    signs = (
        "Failed to fetch",
        "error sending request",
        "No matching distribution",
        "Temporary failure",
        "dns error",
        "Network is unreachable",
    )
    if any(sign in text for sign in signs):
        raise SetupError(
            f"The package registry did not give what {what} needs: {text.splitlines()[-1]}\n"
            "  → Check the network, or point pip at a mirror you can reach (pip config set global.index-url …)."
        )
    raise SetupError(
        f"{what} could not be installed:\n{text}\n  → If it is not clear from this, remove .yidang/venv and try again."
    )


def digest(locks: list[Path]) -> str:
    names = " ".join(path.name for path in locks)
    content = b"\0".join(path.read_bytes() for path in locks)
    return f"{names} {hashlib.sha256(content).hexdigest()}"


def is_current(target: Path, locks: list[Path]) -> bool:
    marker = target / "yidang-lock.sha256"
    return marker.exists() and marker.read_text() == digest(locks)


def mark_current(target: Path, locks: list[Path]) -> None:
    (target / "yidang-lock.sha256").write_text(digest(locks))


class Step:
    def __init__(self, label: str) -> None:
        self.label = label

    def __enter__(self) -> None:
        self.began = time.monotonic()
        print(f"  … {self.label}", flush=True)

    def __exit__(self, kind: type | None, *_: object) -> None:
        print(f"  {'✗' if kind else '✓'} {self.label}  {time.monotonic() - self.began:.1f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
