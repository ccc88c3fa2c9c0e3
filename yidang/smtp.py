"""A line to the mail server that a URL names: smtp(s)://user:password@host:port, encrypted unless it is this machine.

The standard library alone: Superset's environment uses it too.
"""

from __future__ import annotations

import ipaddress
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import unquote, urlsplit


class NoEncryption(Exception):
    """The server offers none, and it is not on this machine."""


@contextmanager
def connect(url: str, timeout_seconds: float) -> Iterator[smtplib.SMTP]:
    """Logged in and ready to send. Raises NoEncryption, SMTPException, OSError; their texts may hold addresses."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    trust = ssl.create_default_context()
    client: smtplib.SMTP = (
        smtplib.SMTP_SSL(host, parts.port or 465, timeout=timeout_seconds, context=trust)
        if parts.scheme == "smtps"
        else smtplib.SMTP(host, parts.port or 587, timeout=timeout_seconds)
    )
    try:
        client.ehlo_or_helo_if_needed()
        if parts.scheme == "smtp" and client.has_extn("starttls"):
            client.starttls(context=trust)
        elif parts.scheme == "smtp" and not _is_loopback(host):
            raise NoEncryption
        if parts.username:
            client.login(unquote(parts.username), unquote(parts.password or ""))
        yield client
    finally:
        with suppress(smtplib.SMTPException, OSError):
            client.quit()


def _is_loopback(host: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"
