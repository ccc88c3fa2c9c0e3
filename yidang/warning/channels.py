"""The channels: SMS gateway, mail server, group chat's robot; each by its URL, each with a key that stays the same.

No error and no log line holds an address, a token or a message: a failure is a status code or the name of an error.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import smtplib
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import urlsplit
from uuid import UUID

import httpx

from yidang import alerts, contracts, smtp
from yidang.errors import ConfigError
from yidang.settings import Settings
from yidang.warning.receivers import MAIL, ROBOT, Channel

TIMEOUT_SECONDS = 10
_FIELDS = {"id": "id", "to": "to", "text": "text"}
# The message itself is wrong for them; any other refusal may pass.
_FINAL_HTTP = (400, 413, 422)


@dataclass(frozen=True)
class Letter:
    """What is sent. key, written_at: the same each time it is tried, so that the receiver's side can drop a double.

    short: for an SMS or a chat; text: for a mail.
    """

    key: UUID
    written_at: datetime
    to: str
    subject: str
    short: str
    text: str


class NotTaken(Exception):
    """The channel has not taken it. is_final: it never will. is_unknown: perhaps it has; its answer did not come."""

    def __init__(self, reason: str, *, is_final: bool = False, is_unknown: bool = False) -> None:
        super().__init__(reason)
        self.is_final = is_final
        self.is_unknown = is_unknown


def check(settings: Settings, name: str, channel: Channel) -> None:
    """Raises ConfigError where a secret is missing or a message would go over a network in the clear."""
    url = contracts.resolve(settings, channel.url)
    for secret in (channel.token, channel.secret):
        contracts.resolve(settings, secret or "")
    if channel.scheme not in MAIL:
        _checked(name, url.partition("+")[2] if channel.scheme in ROBOT else url)
    elif not urlsplit(url).hostname:
        raise _in_the_clear(name)


def deliver(settings: Settings, name: str, channel: Channel, letter: Letter) -> str:
    """Hand the letter over. Returns the channel's answer in short ("HTTP 200").

    Raises NotTaken.
    """
    url = contracts.resolve(settings, channel.url)
    if channel.scheme in MAIL:
        return _mail(url, channel.sender or "", letter)
    if channel.scheme in ROBOT:
        secret = contracts.resolve(settings, channel.secret) if channel.secret else None
        return _robot(name, url.partition("+")[2], channel.scheme.startswith("dingtalk"), secret, letter)
    token = contracts.resolve(settings, channel.token) if channel.token else None
    return _sms(name, url, token, channel, letter)


# -- over HTTP -------------------------------------------------------------------------------------------------
def _sms(name: str, url: str, token: str | None, channel: Channel, letter: Letter) -> str:
    names = {**_FIELDS, **channel.fields}
    values = {"id": str(letter.key), "to": letter.to, "text": letter.short}
    body = {**channel.constants, **{names[field]: value for field, value in values.items()}}
    headers = {"Idempotency-Key": str(letter.key)} | ({"Authorization": f"Bearer {token}"} if token else {})
    return _post(_checked(name, url), body, headers)


def _robot(name: str, url: str, is_dingtalk: bool, secret: str | None, letter: Letter) -> str:
    address = _checked(name, url)
    if is_dingtalk and secret:
        address = address.copy_merge_params(dingtalk_signature(secret, int(time.time() * 1000)))
    return _post(address, {"msgtype": "text", "text": {"content": letter.short}}, {})


def dingtalk_signature(secret: str, milliseconds: int) -> dict[str, str]:
    """Parameters that DingTalk asks of a robot with the security setting 加签."""
    signed = hmac.new(secret.encode(), f"{milliseconds}\n{secret}".encode(), hashlib.sha256).digest()
    return {"timestamp": str(milliseconds), "sign": base64.b64encode(signed).decode()}


def _post(url: httpx.URL, body: dict, headers: dict[str, str]) -> str:
    failure = None
    with httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=not alerts.is_loopback(url)) as client:
        try:
            answer = client.post(url, json=body, headers=headers)
        except httpx.HTTPError as error:  # its text may hold the URL
            is_unknown = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
            failure = NotTaken(type(error).__name__, is_unknown=is_unknown)
    if failure:
        raise failure
    if not answer.is_success:
        raise NotTaken(f"HTTP {answer.status_code}", is_final=answer.status_code in _FINAL_HTTP)
    if refused := alerts.refusal(answer):
        raise NotTaken(refused)
    return f"HTTP {answer.status_code}"


def _checked(name: str, text: str) -> httpx.URL:
    url = httpx.URL()
    with suppress(httpx.InvalidURL):  # said below, so that the error's context does not hold the URL
        url = httpx.URL(text)
    if not url.host or not (url.scheme == "https" or alerts.is_loopback(url)):
        raise _in_the_clear(name)
    return url


# -- by mail ---------------------------------------------------------------------------------------------------
def _mail(url: str, sender: str, letter: Letter) -> str:
    failure, is_handed_over = None, False
    try:
        with smtp.connect(url, TIMEOUT_SECONDS) as client:
            is_handed_over = True
            client.send_message(_message(sender, letter), sender, [letter.to])
    except smtp.NoEncryption:
        failure = NotTaken("the mail server offers no encryption")
    except (smtplib.SMTPException, OSError) as error:
        failure = _mail_failure(error, is_handed_over)  # its text may hold the address
    if failure:
        raise failure
    return "SMTP 250"


def _message(sender: str, letter: Letter) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, letter.to, letter.subject
    message["Date"] = format_datetime(letter.written_at)
    message["Message-ID"] = f"<{letter.key}@{sender.rpartition('@')[2].rstrip('>')}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    return message


def _mail_failure(error: Exception, is_handed_over: bool) -> NotTaken:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = {code for code, _ in error.recipients.values()}
        return NotTaken(f"SMTP {min(codes)}", is_final=min(codes) >= 500)
    if isinstance(error, smtplib.SMTPResponseException):
        is_final = error.smtp_code >= 500 and isinstance(error, smtplib.SMTPDataError)
        return NotTaken(f"SMTP {error.smtp_code}", is_final=is_final)
    return NotTaken(type(error).__name__, is_unknown=is_handed_over)


def _in_the_clear(name: str) -> ConfigError:
    return ConfigError(
        f"warnings.yml: channel {name} would send messages over a network in the clear, or its url is none.",
        "Give the whole address, with https:// or smtps://; http:// is for a server on this machine only.",
    )
