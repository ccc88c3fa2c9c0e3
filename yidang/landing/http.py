"""One HTTP source: token, rate, time-out and retries. Answers are JSON; numbers keep the digits they were sent with."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime

import httpx
import tenacity

from yidang.contracts import Department, HeaderToken, RestSource, references, resolve
from yidang.errors import ConfigError, YidangError
from yidang.settings import Settings

LONGEST_WAIT_SECONDS = 300


class _Transient(Exception):
    """Worth another try: no answer, a broken answer, 429 or 5xx."""

    def __init__(self, reason: str, wait_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.wait_seconds = wait_seconds


class Api:
    """`get(path, parameters)` on a department's HTTP source; use as a context manager."""

    def __init__(self, settings: Settings, department: Department) -> None:
        self.department = department
        self.source: RestSource = department.source
        auth = self.source.auth
        token = resolve(settings, auth.token)
        headers = {auth.header: token} if isinstance(auth, HeaderToken) else {"Authorization": f"Bearer {token}"}
        try:
            self._client = httpx.Client(
                base_url=resolve(settings, self.source.base_url),
                headers=headers,
                timeout=self.source.timeout_seconds,
                trust_env=False,
            )
        except (httpx.InvalidURL, UnicodeEncodeError, ValueError):
            raise ConfigError(
                f"{department.id}: the secret {references(self.source.base_url)} is not a URL, or"
                f" {references(auth.token)} holds characters that a header cannot carry.",
                "Correct the two secrets.",
            ) from None
        self._next_at = 0.0

    def __enter__(self) -> Api:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, path: str, parameters: dict[str, object]) -> dict:
        """The JSON object at `path`. Raises YidangError after the last try, ConfigError at once when refused."""
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_Transient),
            stop=tenacity.stop_after_attempt(self.source.retries + 1),
            wait=self._wait,
            reraise=True,
        )
        try:
            return retrying(self._once, path, parameters)
        except _Transient as error:
            raise YidangError(
                f"{self.department.id}: {path} did not answer after {self.source.retries + 1} tries: {error}.",
                "Is the department's server up? Nothing is lost: the next pull goes on from the last success."
                f" Its address is in {references(self.source.base_url) or 'the contract'}.",
            ) from None

    def _once(self, path: str, parameters: dict[str, object]) -> dict:
        time.sleep(max(0.0, self._next_at - time.monotonic()))
        self._next_at = time.monotonic() + 1 / self.source.requests_per_second
        try:
            answer = self._client.get(path, params=parameters)
        except httpx.UnsupportedProtocol:
            raise ConfigError(
                f"{self.department.id}: the base URL does not begin with http:// or https://.",
                f"Correct {references(self.source.base_url) or 'source.base_url'}.",
            ) from None
        except httpx.TransportError as error:
            raise _Transient(f"{type(error).__name__}: {error}") from None
        if answer.status_code in (401, 403):
            raise ConfigError(
                f"{self.department.id}: {path} refused the token (HTTP {answer.status_code}).",
                f"Set the secret {references(self.source.auth.token)} to the token the department gave.",
            )
        if answer.status_code == 429 or answer.status_code >= 500:
            raise _Transient(f"HTTP {answer.status_code}", _retry_after(answer))
        if answer.status_code != 200:
            raise YidangError(
                f"{self.department.id}: {path} answered HTTP {answer.status_code}: {answer.text[:200]!r}.",
                "Check `path` and the parameters' names in the contract.",
            )
        try:
            body = json.loads(answer.content, parse_float=Decimal)
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise _Transient(f"the answer is not JSON ({error}); it begins {answer.text[:80]!r}") from None
        if not isinstance(body, dict):
            raise YidangError(f"{self.department.id}: {path} answered {type(body).__name__}, not an object.", "")
        return body

    def _wait(self, state: tenacity.RetryCallState) -> float:
        asked = state.outcome.exception().wait_seconds
        backoff = tenacity.wait_exponential_jitter(multiplier=0.2, max=30, jitter=0.2)(state)
        return min(asked, LONGEST_WAIT_SECONDS) if asked is not None else backoff


def _retry_after(answer: httpx.Response) -> float | None:
    """Seconds that the server asks us to wait: a number, or a date (RFC 9110, 10.2.3)."""
    text = answer.headers.get("Retry-After", "").strip()
    if not text:
        return None
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None
