"""Messages about operations: always to the log and, where YIDANG_ALERT_URL is set, to a group chat's robot.

DingTalk and WeCom robots take the same JSON; their URL holds the token, so it stands in no log and no error.
"""

from __future__ import annotations

import ipaddress
import logging
import re
from contextlib import suppress

import httpx
import tenacity

from yidang.errors import ConfigError, YidangError, first_line
from yidang.settings import Settings

TRIES = 3
TIMEOUT_SECONDS = 10
BACKOFF_SECONDS = 1.0  # doubled each time
LONGEST_REASON = 200

log = logging.getLogger(__name__)
# They log URLs.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

# What of an error's text may be personal: values stand in quotation marks, phone and identity numbers are long, and a
# file may be called after its applicant. A quoted name of a table or column is neither.
_QUOTED = re.compile(r"""(?<!\w)(["'“‘«「])(.*?)["'”’»」](?!\w)""")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FILE = r"\.(?:csv|xlsx?|gz|ok)\b"
_PRIVATE = re.compile(rf"\w+://\S+|\S+@\S+|\([^()]*{_FILE}[^()]*\)|\S+{_FILE}|\d{{6,}}[\dXx]*", re.IGNORECASE)


class _NotTaken(Exception):
    """The robot did not take the message; the text says why and nothing of the address."""


def tell(settings: Settings, text: str) -> None:
    """Log the message and post it. Raises YidangError when the robot has not taken it after all tries."""
    log.warning("%s", text)
    if settings.alert_url is None:
        return
    url = _checked(settings.alert_url)
    # A proxy for the outer world must not be asked for this machine.
    with httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=not is_loopback(url)) as client:
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_NotTaken),
            stop=tenacity.stop_after_attempt(TRIES),
            wait=tenacity.wait_exponential(multiplier=BACKOFF_SECONDS),
            reraise=True,
        )
        try:
            retrying(_post, client, url, text)
            return
        except _NotTaken as error:
            reason = str(error)
    raise YidangError(
        f"The address in YIDANG_ALERT_URL did not take the message in {TRIES} tries: {reason}.",
        "Is the robot still there, and may it be reached from here? The message itself stands in the log.",
    )


def reason(text: str) -> str:
    """The first line of an error's text without what may be personal or secret, short enough for a message."""
    line = first_line(Exception(text))
    line = _QUOTED.sub(lambda match: match[0] if _NAME.fullmatch(match[2]) else "…", line)
    return _PRIVATE.sub("…", line)[:LONGEST_REASON]


def _checked(text: str) -> httpx.URL:
    """The address, unless the token would go to it in the clear."""
    url = httpx.URL()
    with suppress(httpx.InvalidURL):  # said below, so that the error's context does not hold the URL
        url = httpx.URL(text)
    if not url.host or not (url.scheme == "https" or (url.scheme == "http" and is_loopback(url))):
        raise ConfigError(
            "YIDANG_ALERT_URL is no https:// address.",
            "Give the robot's whole address; http:// is for a server on this machine only.",
        )
    return url


def is_loopback(url: httpx.URL) -> bool:
    """Whether it is a server on this machine."""
    with suppress(ValueError):
        return ipaddress.ip_address(url.host).is_loopback
    return url.host == "localhost"


def _post(client: httpx.Client, url: httpx.URL, text: str) -> None:
    failure = None
    try:
        answer = client.post(url, json={"msgtype": "text", "text": {"content": text}})
    except httpx.HTTPError as error:
        failure = type(error).__name__  # its text may hold the URL
    if failure is None and not answer.is_success:
        failure = f"HTTP {answer.status_code}"
    if failure is None:
        failure = refusal(answer)
    if failure:
        raise _NotTaken(failure)


def refusal(answer: httpx.Response) -> str | None:
    """Robots refuse with HTTP 200 and an errcode, for example when a keyword they were set up with is missing."""
    try:
        body = answer.json()
    except ValueError:
        return None
    code = body.get("errcode", 0) if isinstance(body, dict) else 0
    return f"errcode {str(code)[:20]}" if code else None
