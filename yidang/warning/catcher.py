"""A mail server that delivers nothing: the demo's mails lie in .yidang/mail as .eml files that any mail program opens.

A mail that comes twice (the same Message-ID) is kept once, as a real mailbox may do.
"""

from __future__ import annotations

import asyncio
import hashlib
from email import message_from_bytes
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope

from yidang import settings as settings_module

LARGEST_MAIL = 32 * 1024 * 1024


class Catcher:
    """Keeps each mail in `folder`, whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    async def handle_DATA(self, server: SMTP, session: object, envelope: Envelope) -> str:
        content = envelope.original_content or b""
        known_by = message_from_bytes(content).get("Message-ID", "").encode() or content
        file = self.folder / f"{hashlib.sha256(known_by).hexdigest()[:16]}.eml"
        temporary = file.with_suffix(".tmp")
        temporary.touch(mode=0o600)
        temporary.write_bytes(content)
        temporary.replace(file)
        return "250 kept"


async def catch(folder: Path, port: int) -> asyncio.Server:
    """Listen on loopback."""
    catcher = Catcher(folder)
    return await asyncio.get_running_loop().create_server(
        lambda: SMTP(catcher, data_size_limit=LARGEST_MAIL, enable_SMTPUTF8=True, hostname="localhost"),
        host="127.0.0.1",
        port=port,
    )


async def _run() -> None:
    settings = settings_module.load()
    async with await catch(settings.mail_dir, settings.port("mail")) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_run())
