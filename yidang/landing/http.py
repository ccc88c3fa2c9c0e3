"""One HTTP source: login, rate, time-outs, retries and limits. Every answer is whole JSON, or an error in words."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
import tenacity

from yidang.contracts import Department, RestSource, references
from yidang.errors import ConfigError, YidangError
from yidang.landing import auth, json_text
from yidang.landing.masking import Secrets

LONGEST_WAIT_SECONDS = 300
LONGEST_ANSWER_TIMEOUTS = 20  # a server that drips never reaches the read time-out
MOST_REDIRECTS = 5
CLOCKS_AGREE_SECONDS = 30

# They log URLs and headers, in which a login may stand.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True)
class Answer:
    """What came: the JSON value (json_text), the URL that gave it, and the URL of its `Link` header's rel="next"."""

    body: object
    url: httpx.URL
    following: str | None


class _Transient(Exception):
    """Worth another try: no answer, a broken answer, 429, 5xx, or an error that the contract calls transient."""

    def __init__(self, reason: str, wait_seconds: float | None = None, cure: str = "") -> None:
        super().__init__(reason)
        self.wait_seconds = wait_seconds
        self.cure = cure


class Api:
    """`ask(target, parameters, headers)` on a department's HTTP source; use as a context manager."""

    def __init__(self, secrets: Secrets, department: Department) -> None:
        self.department = department
        self.source: RestSource = department.source
        self.secrets = secrets
        base_url = secrets.resolve(self.source.base_url)
        who = auth.login(secrets, department)
        self._client = None
        with suppress(httpx.InvalidURL, ValueError):  # said below, so that the error's context does not hold the URL
            self._client = httpx.Client(
                base_url=base_url,
                auth=who,
                headers={"Accept": "application/json"},
                timeout=self.source.timeout_seconds,
                trust_env=False,
            )
        if self._client is None or self._client.base_url.scheme not in ("http", "https"):
            raise ConfigError(
                f"{department.id}: the base URL is no URL that begins with http:// or https://.",
                f"Correct {references(self.source.base_url) or 'source.base_url'}.",
            )
        self._next_at = 0.0

    def __enter__(self) -> Api:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def ask(self, target: str | httpx.URL, parameters: dict[str, object], headers: dict[str, str]) -> Answer:
        """The answer of `target`, a path below the base URL or a whole URL.

        Raises YidangError after the last try, or at once where another try cannot help (ConfigError when refused).
        """
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_Transient),
            stop=tenacity.stop_after_attempt(self.source.retries + 1),
            wait=_wait,
            reraise=True,
        )
        try:
            return retrying(self._once, target, parameters, headers)
        except _Transient as error:
            last = error
        raise YidangError(
            f"{self.department.id}: {_path(target)} gave no usable answer in {self.source.retries + 1} tries: {last}.",
            f"{last.cure or 'Is the server up?'} Nothing is lost: the next pull goes on from the last success."
            f" The address is in {references(self.source.base_url) or 'the contract'}.",
        )

    @property
    def base_url(self) -> httpx.URL:
        """Where the API is; a login within it is not to be shown."""
        return self._client.base_url

    def at(self, body: object, path: str) -> object:
        """The value at a dotted path of an answer, None if there is none. YidangError if a key comes twice."""
        try:
            return json_text.at(body, path)
        except ValueError as error:
            reason = error
        raise YidangError(
            f"{self.department.id}: in the answer {reason}, so that one of two values would be lost.",
            "Tell the department: a JSON object must not name a key twice.",
        )

    def _once(self, target: str | httpx.URL, parameters: dict[str, object], headers: dict[str, str]) -> Answer:
        time.sleep(max(0.0, self._next_at - time.monotonic()))
        self._next_at = time.monotonic() + 1 / self.source.requests_per_second
        failure = None
        try:
            request = self._request(target, parameters, headers)
            response, content = self._whole(request)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            names = references(self.source.base_url + getattr(self.source.auth, "token_url", ""))
            failure = ConfigError(
                f"{self.department.id}: an address is no URL that begins with http:// or https://.",
                f"Correct {names or 'source.base_url or source.auth.token_url'}.",
            )
        except httpx.TimeoutException as error:
            failure = _Transient(f"{type(error).__name__} after {self.source.timeout_seconds:g} s")
        except httpx.RequestError as error:
            failure = _Transient(f"{type(error).__name__}: {self.secrets.hide(str(error))}")
        if failure:
            raise failure
        self._require_success(response, content)
        body = self._json(response, content)
        self._require_good(response, body)
        following = [link["url"] for link in response.links.values() if "next" in link.get("rel", "").lower().split()]
        return Answer(body, response.request.url, following[0] if following else None)

    def _request(
        self, target: str | httpx.URL, parameters: dict[str, object], headers: dict[str, str]
    ) -> httpx.Request:
        if self.source.method == "post":
            return self._client.build_request("POST", target, json=parameters, headers=headers)
        request = self._client.build_request("GET", target, headers=headers)
        if parameters:  # merged, since a URL that the API gave has parameters of its own
            request.url = request.url.copy_merge_params(parameters)
        return request

    def _whole(self, request: httpx.Request) -> tuple[httpx.Response, bytes]:
        """The answer with all of its body, redirects followed on the same server."""
        for _ in range(MOST_REDIRECTS + 1):
            response = self._client.send(request, stream=True)
            try:
                if response.next_request is None:
                    return response, self._body(response)
            finally:
                response.close()
            cure = (
                "Correct the address if the API has moved. A redirect to a login page may mean that the login is wrong."
            )
            what = f"{self.department.id}: {_path(request.url)}"
            require_known_server(what, response.next_request.url, request.url, [], cure)
            request = response.next_request
        raise YidangError(
            f"{self.department.id}: {_path(request.url)} redirects more than {MOST_REDIRECTS} times.",
            "Correct the address, or tell the department.",
        )

    def _body(self, response: httpx.Response) -> bytes:
        most = self.source.largest_answer_mib * 2**20
        longest = LONGEST_ANSWER_TIMEOUTS * self.source.timeout_seconds
        started = time.monotonic()
        parts, size = [], 0
        for part in response.iter_bytes():
            parts.append(part)
            size += len(part)
            if size > most:
                raise YidangError(
                    f"{self.department.id}: {_path(response.request.url)} sends more than"
                    f" {self.source.largest_answer_mib} MiB in one answer.",
                    "Set a smaller page size (source.paging.size), or a larger source.largest_answer_mib.",
                )
            if time.monotonic() - started > longest:
                raise httpx.ReadTimeout("", request=response.request)
        return b"".join(parts)

    def _require_success(self, response: httpx.Response, content: bytes) -> None:
        """Raise unless the status is 200."""
        status, path = response.status_code, _path(response.request.url)
        if status in (401, 403):
            names = references(self.source.model_dump_json(include={"auth"}))
            word = {"basic": "login", "signed": "signature"}.get(getattr(self.source.auth, "kind", ""), "token")
            clocks, clock_cure = self._clocks(response)
            cure = f"Set the secret {names} to the {word} the department gave."
            if not names:
                cure = "Ask the department how to log in, and declare it in source.auth."
            raise ConfigError(
                f"{self.department.id}: {path} refused the {word} (HTTP {status}).{clocks}", clock_cure or cure
            )
        if status == 429 or status >= 500:
            raise _Transient(f"HTTP {status}", _retry_after(response))
        if status != 200:
            raise YidangError(
                f"{self.department.id}: {path} answered HTTP {status}: {self._begins(content, 200)!r}.",
                "Check `path` and the parameters' names in the contract.",
            )

    def _json(self, response: httpx.Response, content: bytes) -> object:
        reason = None
        try:
            return json_text.parse(content.decode(self.source.encoding).removeprefix("\ufeff"))
        except UnicodeDecodeError as error:
            reason = f"the answer is not {self.source.encoding} (at byte {error.start})"
            cure = "Set source.encoding to what the API sends: utf-8, or gb18030 (which reads GBK)."
        except ValueError as error:
            reason = f"the answer is not JSON ({error})"
            cure = "Is the server up, and does `path` lead to the API rather than to a web page?"
        kind = response.headers.get("Content-Type", "of no declared type")
        raise _Transient(f"{reason}; it is {kind} and begins {self._begins(content, 80)!r}", cure=cure)

    def _require_good(self, response: httpx.Response, body: object) -> None:
        """Raise unless the answer says that it is one, where the contract tells how it says so."""
        success = self.source.success
        if success is None:
            return
        code = json_text.text(self.at(body, success.at))
        if code in map(_as_json, success.good):
            return
        said = json_text.text(self.at(body, success.message_at)) or "nothing"
        reason = f"{success.at} is {code}, and the server says {self.secrets.hide(said)[:200]!r}"
        if code in map(_as_json, success.transient):
            raise _Transient(reason, cure="The server reports an error that the contract calls transient.")
        clocks, cure = self._clocks(response)
        raise YidangError(
            f"{self.department.id}: {_path(response.request.url)} refused the request: {reason}.{clocks}",
            cure or "Check parameters and login in the contract; if this value is a good one, add it to success.is.",
        )

    def _clocks(self, response: httpx.Response) -> tuple[str, str]:
        """(sentence, cure) about our clock and the server's, where the login depends on them; else blank."""
        theirs = _moment(response.headers.get("Date", ""))
        if getattr(self.source.auth, "kind", "") != "signed" or theirs is None:
            return "", ""
        ours = datetime.now(UTC)
        apart = abs((ours - theirs).total_seconds())
        sentence = f" Our clock says {ours:%Y-%m-%d %H:%M:%S} UTC, the server's {theirs:%Y-%m-%d %H:%M:%S} UTC."
        if apart <= CLOCKS_AGREE_SECONDS:
            return sentence, ""
        return sentence, f"They are {apart:.0f} s apart: set the wrong one right (ours by NTP), then pull again."

    def _begins(self, content: bytes, length: int) -> str:
        """How an answer begins, for an error: hidden first, cut then, so that no half of a secret is left."""
        return self.secrets.hide(content[:10_000].decode(self.source.encoding, "replace"))[:length]


def require_known_server(what: str, url: httpx.URL, base: httpx.URL, others: list[str], cure: str) -> None:
    """Raise YidangError unless `url` is on the server of `base` or on one of `others`: the login goes there.

    what: begins the sentence, such as "fagai: /projects".
    """
    server = f"{url.host}:{url.port}" if url.port else url.host
    same = (url.host, url.port) == (base.host, base.port) and url.scheme in (base.scheme, "https")
    if not same and (url.scheme not in ("http", "https") or not {server, url.host} & set(others)):
        raise YidangError(
            f"{what} leads to another server, {url.scheme}://{server}; it was not followed, since the login would go"
            " there.",
            cure,
        )


def _path(target: str | httpx.URL) -> str:
    """What of a URL may be shown: parameters may hold a login."""
    return target.path if isinstance(target, httpx.URL) else target


def _as_json(value: object) -> str:
    return value if isinstance(value, str) else json_text.compact(value)


def _wait(state: tenacity.RetryCallState) -> float:
    asked = state.outcome.exception().wait_seconds
    backoff = tenacity.wait_exponential_jitter(multiplier=0.2, max=30, jitter=0.2)(state)
    return min(asked, LONGEST_WAIT_SECONDS) if asked is not None else backoff


def _retry_after(answer: httpx.Response) -> float | None:
    """Seconds that the server asks us to wait: a number, or a date (RFC 9110, 10.2.3)."""
    text = answer.headers.get("Retry-After", "").strip()
    if text.isdigit():
        return float(text)
    moment = _moment(text)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds()) if moment else None


def _moment(text: str) -> datetime | None:
    """A date of HTTP; None for anything else."""
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
