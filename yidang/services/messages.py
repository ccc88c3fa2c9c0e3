"""The form for answers to warnings, and the demo's mail catcher: two small servers on loopback."""

from __future__ import annotations

import socket

import httpx

from yidang.services import process
from yidang.settings import Settings

FORM, MAIL = "warnings", "mail"


def start(settings: Settings) -> bool:
    """Start both. Returns False if both already ran. The form needs the warehouse."""
    environment = {"YIDANG_HOME": str(settings.home), "YIDANG_PORT_BASE": str(settings.port_base)}
    started = [
        process.start(
            settings,
            name,
            [settings.python("platform"), "-m", f"yidang.warning.{module}"],
            ready=lambda: True,
            env=environment,
            port=settings.port(name),
            wait=False,
        )
        for name, module in ((FORM, "form"), (MAIL, "catcher"))
    ]
    process.wait_until_ready(settings, FORM, lambda: _form_answers(settings), timeout_seconds=60)
    process.wait_until_ready(settings, MAIL, lambda: _mail_answers(settings), timeout_seconds=60)
    return any(started)


def stop(settings: Settings) -> bool:
    """Stop both. Returns False if neither ran."""
    return any([process.stop(settings, name) for name in (FORM, MAIL)])


def form_url(settings: Settings) -> str:
    """Where the form is, as it stands in the demo's messages."""
    return f"http://127.0.0.1:{settings.port(FORM)}/"


def _form_answers(settings: Settings) -> bool:
    try:
        return httpx.get(f"{form_url(settings)}healthz", timeout=2, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def _mail_answers(settings: Settings) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", settings.port(MAIL)), timeout=2) as connection:
            return connection.recv(3) == b"220"
    except OSError:
        return False
