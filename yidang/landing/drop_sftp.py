"""A drop folder on an SFTP server whose host key the contract pins."""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import io
import logging
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import PurePosixPath
from typing import BinaryIO, NoReturn

import paramiko

from yidang.contracts import Department, references, resolve
from yidang.errors import ConfigError, YidangError
from yidang.landing.drop import DroppedFile
from yidang.settings import Settings

CONNECT_SECONDS = 15
SILENCE_SECONDS = 60  # a server that says nothing for so long is gone
READ_AHEAD = 64  # requests of 32 KiB under way at once
# What it logs reaches us as exceptions too.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


class SftpDrop:
    """See Drop. A connection that broke is made anew for the next file; a server that refused it is not asked again."""

    shares_our_clock = False

    def __init__(self, settings: Settings, department: Department) -> None:
        self._settings = settings
        self._login = department.source.sftp
        self._folder = department.source.folder
        self._where = department.id
        self._client: paramiko.SSHClient | None = None
        self._channel: paramiko.SFTPClient | None = None
        self._root = PurePosixPath()
        self._refused: YidangError | None = None

    def __enter__(self) -> SftpDrop:
        self._connected()
        return self

    def __exit__(self, *_: object) -> None:
        self._disconnect()

    def list(self, pattern: str) -> list[DroppedFile]:
        with self._talking(self._where, "the drop folder cannot be listed") as channel:
            folders, entries = [""], {}
            for part in pattern.split("/"):
                entries = {
                    f"{folder}{entry.filename}": entry
                    for folder in folders
                    for entry in channel.listdir_attr(self._path(folder))
                    if fnmatch.fnmatchcase(entry.filename, part)
                }
                folders = [f"{name}/" for name, entry in entries.items() if stat.S_ISDIR(entry.st_mode)]
        found = []
        for name, entry in sorted(entries.items()):
            file = self.stat(name) if stat.S_ISLNK(entry.st_mode) else _dropped(name, entry)
            if file is not None:
                found.append(file)
        return found

    def stat(self, name: str) -> DroppedFile | None:
        with self._talking(f"{self._where} ({name})", "the file cannot be looked at") as channel:
            try:
                return _dropped(name, channel.stat(self._path(name)))
            except FileNotFoundError:
                return None

    @contextmanager
    def open(self, file: DroppedFile) -> Iterator[BinaryIO]:
        place = f"{self._where} ({file.name})"
        with self._talking(place, "the file could not be copied whole, so nothing of it was landed") as channel:
            try:
                real = PurePosixPath(channel.normalize(self._path(file.name)))
                reader = channel.open(str(real), "rb")
            except FileNotFoundError:
                raise YidangError(
                    f"{place}: the file is gone again; nothing of it was landed.",
                    "Nothing to do if it was taken back; otherwise have it put there again.",
                ) from None
            with reader:
                if not real.is_relative_to(self._root):
                    raise YidangError(
                        f"{place}: the name leads out of the drop folder; the file was not read.",
                        "Put the file itself into the folder, not a link to it.",
                    )
                # A broken line is told by the reading below; paramiko's thread would print its own traceback beside it.
                reader._prefetch_thread = _quiet(reader._prefetch_thread)
                reader.prefetch(file.size, READ_AHEAD)
                yield reader

    @contextmanager
    def _talking(self, place: str, failure: str) -> Iterator[paramiko.SFTPClient]:
        """A connected channel; what breaks on the way is told in our words, and the connection is given up."""
        channel = self._connected()
        try:
            yield channel
        except YidangError:
            raise
        except UnicodeDecodeError:
            raise YidangError(
                f"{place}: {failure}: a name on the server is not UTF-8.", "Have the files named in UTF-8."
            ) from None
        except FileNotFoundError:
            raise YidangError(
                f"{self._where}: the drop folder does not exist on the server.",
                f"Correct {references(self._folder) or 'source.folder'}, or ask the department.",
            ) from None
        except PermissionError:
            raise YidangError(
                f"{place}: {failure}: the server does not permit it.",
                "Ask the department to let the user read the folder.",
            ) from None
        except (OSError, EOFError, paramiko.SSHException) as error:
            self._disconnect()
            raise YidangError(
                f"{place}: {failure}: {str(error) or 'the connection broke off'}.",
                "Pull again; if it happens often, ask who runs the network or the server.",
            ) from None

    def _connected(self) -> paramiko.SFTPClient:
        if self._refused:
            raise self._refused
        if self._channel is None:
            try:
                self._connect()
            except YidangError as error:
                self._refused = error
                self._disconnect()
                raise
        return self._channel

    def _connect(self) -> None:
        login = self._login
        host, user = resolve(self._settings, login.host), resolve(self._settings, login.user)
        name = host if login.port == 22 else f"[{host}]:{login.port}"
        pinned = self._pinned_key()
        self._client = client = paramiko.SSHClient()
        client.set_missing_host_key_policy(_Refuse())
        client.get_host_keys().add(name, pinned.get_name(), pinned)
        try:
            client.connect(
                host,
                login.port,
                user,
                password=resolve(self._settings, login.password) if login.password else None,
                pkey=self._private_key() if login.private_key else None,
                allow_agent=False,
                look_for_keys=False,
                timeout=CONNECT_SECONDS,
                banner_timeout=CONNECT_SECONDS,
                auth_timeout=CONNECT_SECONDS,
            )
            self._channel = client.open_sftp()
            self._channel.get_channel().settimeout(SILENCE_SECONDS)
            self._root = PurePosixPath(self._channel.normalize(resolve(self._settings, self._folder)))
        except paramiko.BadHostKeyException as error:
            shown = base64.b64encode(hashlib.sha256(error.key.asbytes()).digest()).decode().rstrip("=")
            raise ConfigError(
                f"{self._where}: the server shows another host key than the contract pins:"
                f" {error.key.get_name()} SHA256:{shown}. Nothing was sent to it.",
                "Ask who runs the server whether its key changed; only then correct source.sftp.host_key.",
            ) from None
        except paramiko.AuthenticationException:
            raise ConfigError(
                f"{self._where}: the SFTP server refuses the login.",
                f"Set the secret {references(login.password or login.private_key)} to what the department gave,"
                " and check source.sftp.user.",
            ) from None
        except FileNotFoundError:
            raise YidangError(
                f"{self._where}: the drop folder does not exist on the server.",
                f"Correct {references(self._folder) or 'source.folder'}, or ask the department.",
            ) from None
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise YidangError(
                f"{self._where}: the SFTP server does not answer: {str(error) or 'it hung up'}.",
                "Is the address right, and may this machine reach it?",
            ) from None

    def _disconnect(self) -> None:
        if self._client:
            self._client.close()
        self._client = self._channel = None

    def _pinned_key(self) -> paramiko.PKey:
        kind, _, content = resolve(self._settings, self._login.host_key).strip().partition(" ")
        try:
            return paramiko.PKey.from_type_string(kind, base64.b64decode(content.split()[0]))
        except (ValueError, IndexError, paramiko.SSHException, paramiko.pkey.UnknownKeyType):
            raise ConfigError(
                f"{self._where}: source.sftp.host_key is no public key.",
                "Write 'ssh-ed25519 AAAA…', as `ssh-keyscan <host>` shows it and the department confirms it.",
            ) from None

    def _private_key(self) -> paramiko.PKey:
        text = resolve(self._settings, self._login.private_key).strip() + "\n"
        for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
            try:
                return kind.from_private_key(io.StringIO(text))
            except (ValueError, paramiko.SSHException):
                continue
        raise ConfigError(
            f"{self._where}: the secret {references(self._login.private_key)} is no private key that can be used.",
            "Give an OpenSSH private key (ed25519, ECDSA or RSA) without a passphrase, all its lines.",
        )

    def _path(self, name: str) -> str:
        return str(self._root / name)


class _Refuse(paramiko.MissingHostKeyPolicy):
    """The server has no key of the pinned kind: as bad as another key."""

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> NoReturn:
        raise paramiko.BadHostKeyException(hostname, key, key)


def _quiet(run: Callable[..., None]) -> Callable[..., None]:
    def run_quietly(*arguments: object) -> None:
        with suppress(OSError, EOFError, paramiko.SSHException):
            run(*arguments)

    return run_quietly


def _dropped(name: str, entry: paramiko.SFTPAttributes) -> DroppedFile | None:
    if not stat.S_ISREG(entry.st_mode or 0):
        return None
    return DroppedFile(name, entry.st_size, entry.st_mtime * 1_000_000_000)
