"""How a request says who we are, one httpx.Auth per kind of login in the contract."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets as random_secrets
import time
from collections.abc import Callable, Generator
from urllib.parse import quote_plus

import httpx

from yidang.contracts import (
    SIGNED_PART,
    BasicLogin,
    BearerToken,
    ClientCredentials,
    Department,
    HeaderToken,
    SignedRequests,
)
from yidang.errors import ConfigError
from yidang.landing.masking import Secrets

RENEW_SECONDS_BEFORE = 60
Flow = Generator[httpx.Request, httpx.Response, None]


def login(secrets: Secrets, department: Department) -> httpx.Auth:
    """The login that the contract declares. ConfigError where a secret is missing or cannot be sent."""
    declared, place = department.source.auth, department.id
    match declared:
        case BearerToken():
            return Header("Authorization", f"Bearer {secrets.for_header(place, declared.token)}")
        case HeaderToken():
            return Header(declared.header, secrets.for_header(place, declared.token))
        case BasicLogin():
            user, password = secrets.resolve(declared.user), secrets.resolve(declared.password)
            secrets.keep(f"{user}:{password}", declared.password)
            return httpx.BasicAuth(user, password)
        case SignedRequests():
            return Signed(secrets, declared, place)
        case ClientCredentials():
            return Token(secrets, declared, place)
        case _:
            return httpx.Auth()


class Header(httpx.Auth):
    """A header that never changes."""

    def __init__(self, name: str, value: str) -> None:
        self._name, self._value = name, value

    def auth_flow(self, request: httpx.Request) -> Flow:
        request.headers[self._name] = self._value
        yield request


class Signed(httpx.Auth):
    """App key, time of our clock, nonce and signature, new for every try."""

    requires_request_body = True

    def __init__(self, secrets: Secrets, declared: SignedRequests, place: str) -> None:
        self._declared = declared
        self._app_key = secrets.for_header(place, declared.app_key)
        self._secret = secrets.resolve(declared.secret)
        self._digest = _digest(declared.algorithm, self._secret, place)

    def auth_flow(self, request: httpx.Request) -> Flow:
        names = self._declared.names
        factor = {"s": 1, "ms": 1000}[self._declared.timestamp_unit]
        parts = {
            "app_key": self._app_key,
            "timestamp": str(int(time.time() * factor)),
            "nonce": random_secrets.token_hex(16),
        }
        self._send(request, {name: parts[part] for part in parts if (name := getattr(names, part))})
        pairs = sorted(pair for pair in request.url.params.multi_items() if pair[0] != names.signature)
        parts |= {
            "secret": self._secret,
            "method": request.method,
            "path": request.url.raw_path.decode("ascii").partition("?")[0],
            "parameters": self._declared.join.join(f"{name}{self._declared.pair}{value}" for name, value in pairs),
            "body": request.content.decode("utf-8"),
        }
        signed = SIGNED_PART.sub(lambda match: parts[match[1]], self._declared.sign)
        self._send(request, {names.signature: self._spelled(self._digest(signed.encode("utf-8")))})
        yield request

    def _send(self, request: httpx.Request, values: dict[str, str]) -> None:
        if self._declared.send_in == "header":
            request.headers.update(values)
        else:
            request.url = request.url.copy_merge_params(values)

    def _spelled(self, digest: bytes) -> str:
        match self._declared.encoding:
            case "base64":
                return base64.b64encode(digest).decode("ascii")
            case "hex_upper":
                return digest.hex().upper()
            case _:
                return digest.hex()


def _digest(algorithm: str, secret: str, place: str) -> Callable[[bytes], bytes]:
    if algorithm == "hmac-sha256":
        return lambda text: hmac.new(secret.encode("utf-8"), text, "sha256").digest()
    if algorithm not in hashlib.algorithms_available:
        raise ConfigError(
            f"{place}: this Python's OpenSSL has no {algorithm}, which source.auth asks for.",
            "Use a Python that is linked to OpenSSL 1.1.1 or newer, built with it.",
        )
    return lambda text: hashlib.new(algorithm, text).digest()


class Token(httpx.Auth):
    """A bearer token from the token endpoint: fetched first, renewed before it expires, and once after a 401."""

    def __init__(self, secrets: Secrets, declared: ClientCredentials, place: str) -> None:
        self._secrets, self._declared, self._place = secrets, declared, place
        self._url = secrets.resolve(declared.token_url)
        self._id, self._secret = secrets.resolve(declared.client_id), secrets.resolve(declared.client_secret)
        self._token = ""
        self._renew_at = 0.0

    def auth_flow(self, request: httpx.Request) -> Flow:
        fresh = time.monotonic() >= self._renew_at
        if fresh:
            yield from self._renew(request)
        request.headers["Authorization"] = f"Bearer {self._token}"
        answer = yield request
        if answer.status_code == 401 and not fresh:
            yield from self._renew(request)
            request.headers["Authorization"] = f"Bearer {self._token}"
            yield request

    def _renew(self, request: httpx.Request) -> Flow:
        form = {"grant_type": "client_credentials"} | ({"scope": self._declared.scope} if self._declared.scope else {})
        headers = {"Accept": "application/json"}
        if self._declared.credentials_in == "body":
            form |= {"client_id": self._id, "client_secret": self._secret}
        else:
            pair = f"{quote_plus(self._id)}:{quote_plus(self._secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
            self._secrets.keep(pair, self._declared.client_secret)
        answer = yield httpx.Request("POST", self._url, data=form, headers=headers, extensions=request.extensions)
        answer.read()
        self._take(answer)

    def _take(self, answer: httpx.Response) -> None:
        """Keep the token of an answer. httpx.TransportError where another try may help, else ConfigError."""
        if answer.status_code == 429 or answer.status_code >= 500:
            raise httpx.TransportError(f"the token endpoint answered HTTP {answer.status_code}")
        body = _json_object(answer)
        token = body.get("access_token")
        if answer.status_code != 200 or not isinstance(token, str) or not token.isprintable() or not token.isascii():
            said = self._secrets.hide(str(body.get("error_description") or body.get("error") or "no access_token"))
            raise ConfigError(
                f"{self._place}: the token endpoint gave no token (HTTP {answer.status_code}: {said[:200]}).",
                f"Check token_url and scope of source.auth, and whether {self._declared.client_secret} is still valid.",
            )
        self._token = self._secrets.keep(token, "${access_token}")
        lifetime = str(body.get("expires_in", ""))
        self._renew_at = time.monotonic() + int(lifetime) - RENEW_SECONDS_BEFORE if lifetime.isdigit() else float("inf")


def _json_object(answer: httpx.Response) -> dict:
    try:
        body = answer.json()
    except ValueError:
        body = None
    return body if isinstance(body, dict) else {}
