"""A drop folder on an SFTP server: a real sshd on loopback, behind a relay that can cut the line."""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import os
import shutil
import socket
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from landing_support import count, load, rows, table

from yidang import landing
from yidang.landing import drop_sftp, source_files

pytestmark = pytest.mark.integration
SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
COLUMNS = ["编号", "事项"]
HEADER = "编号,事项\n"
RAW = "raw_ceshi.cases"
CONFIG = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
PidFile none
AuthorizedKeysFile {folder}/authorized
PasswordAuthentication yes
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PermitRootLogin yes
Subsystem sftp internal-sftp
ForceCommand internal-sftp
"""


class Relay:
    """Passes bytes to the server; `cut_after` bytes sent to the client it hangs up, on every connection."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.cut_after: int | None = None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.target))
            for source, target, limited in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._pass, args=(source, target, limited), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, limited: bool) -> None:
        passed = 0
        with source, target, contextlib.suppress(OSError):
            while block := source.recv(1 << 14):
                passed += len(block)
                if limited and self.cut_after is not None and passed > self.cut_after:
                    break
                target.sendall(block)
            for end in (source, target):
                end.shutdown(socket.SHUT_RDWR)


@dataclass
class Server:
    relay: Relay
    host_key: str
    other_host_keys: list[str]
    private_key: str
    drop: Path


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sshd")
    for name, kind in (("host", "ed25519"), ("client", "ed25519"), ("other", "ed25519"), ("another", "ecdsa")):
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", folder / name], check=True)
    (folder / "authorized").write_bytes((folder / "client.pub").read_bytes())
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    (folder / "config").write_text(CONFIG.format(port=port, folder=folder))
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    process = subprocess.Popen([SSHD, "-D", "-e", "-f", folder / "config"], stderr=(folder / "log").open("wb"))
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    relay = Relay(port)
    drop = folder / "drop"
    drop.mkdir()
    keys = [" ".join((folder / f"{name}.pub").read_text().split()[:2]) for name in ("host", "other", "another")]
    yield Server(relay, keys[0], keys[1:], (folder / "client").read_text(), drop)
    relay.listener.close()
    process.terminate()
    process.wait(timeout=10)


@pytest.fixture
def drop(settings, empty_warehouse, server, monkeypatch):
    """The server's folder, empty."""
    monkeypatch.setattr("yidang.gate.check_pending", lambda *_: [])
    monkeypatch.setattr(source_files, "SETTLE_SECONDS", 0.05)
    server.relay.cut_after = None
    for path in sorted(server.drop.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    settings.ensure_secrets([], fixed={"CESHI_KEY": server.private_key, "CESHI_PASSWORD": "wrong"})
    return server.drop


@pytest.fixture
def department(settings, drop, server, tmp_path):
    return contract(settings, server, tmp_path)


def contract(settings, server, tmp_path, *, folder=None, pattern="*.csv", port=None, **login):
    login = {"private_key": '"${CESHI_KEY}"', "host_key": server.host_key, **login}
    lines = "\n".join(f"  {key}: {value}" for key, value in login.items() if value)
    source = (
        f"kind: files\nfolder: {folder or server.drop}\nformat: {{kind: csv, encoding: utf-8}}\n"
        f"sftp:\n  host: 127.0.0.1\n  port: {port or server.relay.port}\n"
        f"  user: {getpass.getuser()}\n{lines}"
    )
    tables = table("cases", f"pattern: '{pattern}'", COLUMNS, suite="permits").replace("key: [id]", "key: [编号]")
    return load(settings, tmp_path, "ceshi", source, tables)


def put(drop, name, content):
    path = drop / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def refusal(settings, department) -> str:
    with pytest.raises(landing.PullError) as caught:
        landing.pull(settings, department)
    return str(caught.value)


def test_files_land_once_and_lie_in_the_archive(settings, warehouse, drop, department):
    put(drop, "审批_1.csv", HEADER + "A1,甲\n")
    put(drop, "审批_2.csv", HEADER + "A2,乙\n")
    assert landing.pull(settings, department).tables[0].rows_landed == 2
    assert landing.pull(settings, department).tables[0].rows_read == 0
    assert rows(warehouse, RAW, '"编号", "事项"') == [("A1", "甲"), ("A2", "乙")]
    kept = {path.name for path in (settings.home / "archive").rglob("*") if path.is_file()}
    assert kept >= {hashlib.sha256((HEADER + row).encode()).hexdigest() for row in ("A1,甲\n", "A2,乙\n")}


def test_a_pattern_with_folders_and_a_link_that_stays_inside(settings, warehouse, drop, server, tmp_path):
    put(drop, "2025/a.csv", HEADER + "A1,甲\n")
    put(drop, "2026/a.csv", HEADER + "A2,乙\n")
    put(drop, "2026/a.txt", "no data")
    (drop / "2026" / "b.csv").symlink_to(drop / "2025" / "a.csv")
    landing.pull(settings, contract(settings, server, tmp_path, pattern="20*/*.csv"))
    assert rows(warehouse, RAW, '"编号"') == [("A1",), ("A2",)]
    names = warehouse.execute("select file_name from landing.file order by 1").fetchall()
    assert names == [("2025/a.csv",), ("2026/a.csv",), ("2026/b.csv",)]


def test_a_link_out_of_the_folder_is_refused_and_the_others_land(settings, warehouse, drop, department, tmp_path):
    (tmp_path / "secret.csv").write_text(HEADER + "X,geheim\n", encoding="utf-8")
    (drop / "a.csv").symlink_to(tmp_path / "secret.csv")
    put(drop, "b.csv", HEADER + "B,乙\n")
    assert "ceshi (a.csv): the name leads out of the drop folder" in refusal(settings, department)
    assert rows(warehouse, RAW, '"编号"') == [("B",)]


def test_another_host_key_is_never_accepted(settings, drop, server, tmp_path):
    put(drop, "a.csv", HEADER + "A,甲\n")
    for key in server.other_host_keys:  # one of the kind that the server has, one of another
        message = refusal(settings, contract(settings, server, tmp_path, host_key=key))
        assert "shows another host key than the contract pins: ssh-ed25519 SHA256:" in message
    rsa = "ssh-rsa " + "A" * 44
    assert "host_key is no public key" in refusal(settings, contract(settings, server, tmp_path, host_key=rsa))


def test_a_login_that_is_refused(settings, drop, server, tmp_path):
    wrong = contract(settings, server, tmp_path, private_key=None, password='"${CESHI_PASSWORD}"')
    message = refusal(settings, wrong)
    assert "ceshi: the SFTP server refuses the login." in message and "Set the secret CESHI_PASSWORD" in message
    settings.ensure_secrets([], fixed={"CESHI_KEY": "no key"})
    assert "the secret CESHI_KEY is no private key" in refusal(settings, contract(settings, server, tmp_path))


def test_no_server_and_no_folder(settings, drop, server, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        closed = probe.getsockname()[1]
    assert "the SFTP server does not answer" in refusal(settings, contract(settings, server, tmp_path, port=closed))
    gone = contract(settings, server, tmp_path, folder=f"{server.drop}/gone")
    assert "the drop folder does not exist on the server" in refusal(settings, gone)


def test_a_line_cut_in_the_middle_of_a_file_lands_nothing_of_it(settings, warehouse, drop, department, server):
    put(drop, "a.csv", HEADER + "A,甲\n")
    put(drop, "b.csv", HEADER + "".join(f"B{number},{os.urandom(40).hex()}\n" for number in range(30_000)))
    put(drop, "c.csv", HEADER + "C,丙\n")
    server.relay.cut_after = 1_000_000
    message = refusal(settings, department)
    assert "ceshi (b.csv): the file could not be copied whole, so nothing of it was landed" in message
    # The next file is asked for on a new connection.
    assert rows(warehouse, RAW, '"编号"') == [("A",), ("C",)]
    # Others' may lie there: tests that kill a pull share this home.
    assert not (settings.home / "archive" / f"partial.{os.getpid()}").exists()
    server.relay.cut_after = None
    landing.pull(settings, department)
    assert count(warehouse, RAW) == 30_002


def test_a_file_that_goes_between_the_look_and_the_reading(settings, warehouse, drop, department, monkeypatch):
    put(drop, "a.csv", HEADER + "A,甲\n")
    put(drop, "b.csv", HEADER + "B,乙\n")
    real = drop_sftp.SftpDrop.open

    def gone(self, file):
        (drop / "a.csv").unlink(missing_ok=True)
        return real(self, file)

    monkeypatch.setattr(drop_sftp.SftpDrop, "open", gone)
    assert "ceshi (a.csv): the file is gone again; nothing of it was landed." in refusal(settings, department)
    assert rows(warehouse, RAW, '"编号"') == [("B",)]


def test_a_file_still_growing_is_left_for_the_next_pull(settings, warehouse, drop, department, monkeypatch):
    path = put(drop, "a.csv", HEADER + "A,甲\n")
    monkeypatch.setattr(source_files.time, "sleep", lambda _: path.write_text(HEADER + "A,甲\nB,乙\n", "utf-8"))
    assert landing.pull(settings, department).tables[0].rows_read == 0
    monkeypatch.undo()
    monkeypatch.setattr("yidang.gate.check_pending", lambda *_: [])
    landing.pull(settings, department)
    assert count(warehouse, RAW) == 2
