"""The signed link in a message: for one message alone, until a day, and of no use to who has only seen another one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

_TOKEN = re.compile(r"(\d{1,18})\.(\d{1,12})\.([A-Za-z0-9_-]{43})")


@dataclass(frozen=True)
class Token:
    """What a link says of itself; nothing of it is believed before `is_signed` has said so. expires: epoch seconds."""

    message_id: int
    expires: int
    signature: str

    def is_signed(self, key: str, idempotency_key: UUID) -> bool:
        """Whether it was made here for that row of the outbox."""
        return hmac.compare_digest(self.signature, _sign(key, self.message_id, self.expires, idempotency_key))

    def has_expired(self, now: datetime) -> bool:
        return now.timestamp() >= self.expires


def make(key: str, message_id: int, idempotency_key: UUID, expires: datetime) -> str:
    """The token of a message; the same whenever it is made."""
    seconds = int(expires.timestamp())
    return f"{message_id}.{seconds}.{_sign(key, message_id, seconds, idempotency_key)}"


def read(text: str) -> Token | None:
    """A token's parts; None where it is none."""
    found = _TOKEN.fullmatch(text)
    return Token(int(found[1]), int(found[2]), found[3]) if found else None


def form_check(key: str, token: str) -> str:
    """What the form sends along, so that an answer comes from a form that we served for this link."""
    return _mac(key, f"form {token}")


def address_mac(key: str, channel: str, address: str) -> str:
    """A mark by which two equal addresses are known without being kept."""
    return _mac(key, f"address {channel} {address}")


def _sign(key: str, message_id: int, expires: int, idempotency_key: UUID) -> str:
    return _mac(key, f"link {message_id} {expires} {idempotency_key}")


def _mac(key: str, text: str) -> str:
    digest = hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
