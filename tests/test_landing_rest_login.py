"""How a REST source logs in, against real servers that check it; and that no secret is ever seen."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import time
import traceback
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from landing_support import Asked, answer, load, read_rest, table, tcp_server

from yidang import settings as settings_module
from yidang.errors import ConfigError, YidangError

HERE = settings_module.load()
SECRETS = {"CESHI_USER": "数据组", "CESHI_SECRET": "s3cret/+密 钥", "CESHI_TOKEN": "tok-en+/4711=="}
SOURCE = """
kind: rest
base_url: ${{CESHI_URL}}
auth: {auth}
paging: {{kind: offset, size: 2, total: total}}
requests_per_second: 1000
retries: 1
"""
ROWS = [{"id": number, "asked_at": "", "topic": "收费", "updated_at": ""} for number in range(5)]


def page(asked: Asked) -> bytes:
    """Two of the rows, as asked for."""
    offset = int(dict(parse_qsl(urlsplit(asked.target).query))["offset"])
    return answer(json.dumps({"total": len(ROWS), "data": ROWS[offset : offset + 2]}))


@pytest.fixture
def department(monkeypatch, tmp_path):
    """Loads a department with this `auth` whose API is at this URL."""

    def make(url: str, auth: str, source: str = SOURCE, extra: str = "path: /questions"):
        for name, value in (SECRETS | {"CESHI_URL": url}).items():
            monkeypatch.setenv(name, value)
        return load(HERE, tmp_path, "ceshi", source.format(auth=auth), table(extra=extra))

    return make


def ids(read: tuple[list[dict], list]) -> list[str]:
    return sorted({row["id"] for row in read[0]})


ALL = [str(number) for number in range(5)]


# -- basic -------------------------------------------------------------------------------------------------
BASIC = '{kind: basic, user: "${CESHI_USER}", password: "${CESHI_SECRET}"}'


def test_basic_sends_user_and_password(department):
    right = base64.b64encode(f"{SECRETS['CESHI_USER']}:{SECRETS['CESHI_SECRET']}".encode()).decode()

    def answers(asked):
        return [page(asked) if asked.headers.get("authorization") == f"Basic {right}" else answer("", "401 No")]

    with tcp_server(answers) as url:
        assert ids(read_rest(HERE, department(url, BASIC))) == ALL
        with pytest.raises(ConfigError) as caught:
            read_rest(HERE, department(url, BASIC.replace("${CESHI_USER}", "somebody else")))
    assert "ceshi: /questions refused the login (HTTP 401)." in str(caught.value)
    assert "Set the secret CESHI_SECRET to the login the department gave." in str(caught.value)


def test_no_login_at_all_and_one_in_a_parameter(department):
    def answers(asked):
        token = dict(parse_qsl(urlsplit(asked.target).query)).get("token")
        return [page(asked) if token == SECRETS["CESHI_TOKEN"] else answer("", "403 No")]

    source = SOURCE.replace("auth: {auth}\n", "")
    with tcp_server(answers) as url:
        extra = 'path: /questions\nparameters: {token: "${CESHI_TOKEN}"}'
        assert ids(read_rest(HERE, department(url, "", source, extra))) == ALL
        with pytest.raises(ConfigError, match="declare it in source.auth"):
            read_rest(HERE, department(url, "", source))


# -- signed ------------------------------------------------------------------------------------------------
def digest(algorithm: str, text: str, secret: str) -> bytes:
    """The server's own reckoning, apart from the code under test."""
    if algorithm == "hmac-sha256":
        return hmac.HMAC(secret.encode(), text.encode(), hashlib.sha256).digest()
    return hashlib.new(algorithm, text.encode()).digest()


# Per gateway: its contract; its names of (key, timestamp, nonce, signature); what it signs; how it spells a digest.
GATEWAYS = {
    "sha256 of timestamp, token and nonce in headers": (
        '{kind: signed, app_key: pass-1, secret: "${CESHI_SECRET}", algorithm: sha256, send_in: header,'
        ' sign: "{timestamp}{secret}{nonce}{timestamp}", encoding: hex_upper, names: {app_key: x-tif-paasid,'
        " timestamp: x-tif-timestamp, nonce: x-tif-nonce, signature: x-tif-signature}}",
        ("x-tif-paasid", "x-tif-timestamp", "x-tif-nonce", "x-tif-signature"),
        lambda key, moment, nonce, secret, asked, query: ("sha256", f"{moment}{secret}{nonce}{moment}"),
        lambda digest: digest.hex().upper(),
        1,
    ),
    "md5 of the sorted parameters between two secrets": (
        '{kind: signed, app_key: pass-1, secret: "${CESHI_SECRET}", algorithm: md5, send_in: query,'
        ' sign: "{secret}{parameters}{secret}", pair: "", join: "", timestamp_unit: ms,'
        " names: {app_key: appKey, signature: sign}}",
        ("appKey", "timestamp", "nonce", "sign"),
        lambda key, moment, nonce, secret, asked, query: (
            "md5",
            secret + "".join(f"{name}{query[name]}" for name in sorted(query) if name != "sign") + secret,
        ),
        lambda digest: digest.hex(),
        1000,
    ),
    "hmac of method, path and parameters": (
        '{kind: signed, app_key: pass-1, secret: "${CESHI_SECRET}", algorithm: hmac-sha256, send_in: header,'
        ' sign: "{method}\\n{path}\\n{parameters}\\n{app_key}\\n{timestamp}", encoding: base64,'
        " names: {app_key: x-app, timestamp: x-time, nonce: null, signature: x-sign}}",
        ("x-app", "x-time", None, "x-sign"),
        lambda key, moment, nonce, secret, asked, query: (
            "hmac-sha256",
            f"GET\n/questions\nlimit=2&offset={query['offset']}&区=云 溪\n{key}\n{moment}",
        ),
        lambda digest: base64.b64encode(digest).decode(),
        1,
    ),
    "sm3 with the secret as one more parameter": (
        '{kind: signed, app_key: pass-1, secret: "${CESHI_SECRET}", algorithm: sm3, send_in: query,'
        ' sign: "{parameters}&key={secret}", names: {app_key: app_id, timestamp: ts}}',
        ("app_id", "ts", "nonce", "sign"),
        lambda key, moment, nonce, secret, asked, query: (
            "sm3",
            "&".join(f"{name}={query[name]}" for name in sorted(query) if name != "sign") + f"&key={secret}",
        ),
        lambda digest: digest.hex(),
        1,
    ),
}


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_a_gateway_accepts_the_signature(department, gateway):
    auth, names, signs, spells, unit = GATEWAYS[gateway]
    nonces, refusals = [], []

    def answers(asked):
        query = dict(parse_qsl(urlsplit(asked.target).query, keep_blank_values=True))
        sent = asked.headers | query
        key, moment, nonce, signature = (sent.get(name) if name else None for name in names)
        nonces.append(nonce)
        expected = spells(digest(*signs(key, moment, nonce, SECRETS["CESHI_SECRET"], asked, query), secret))
        if len(nonces) == 2:
            return [answer("", "503 Busy")]  # the next try must be signed anew
        if key == "pass-1" and signature == expected and abs(time.time() - int(moment) / unit) < 60:
            return [page(asked)]
        refusals.append((sent, expected))
        return [answer("", "401 No")]

    secret = SECRETS["CESHI_SECRET"]
    with tcp_server(answers) as url:
        read = read_rest(HERE, department(url, auth, extra="path: /questions\nparameters: {区: 云 溪}"))
    assert (ids(read), refusals) == (ALL, [])
    assert len(nonces) == 4 and (names[2] is None or len(set(nonces)) == 4)


def test_the_body_of_a_post_is_signed_as_it_is_sent(department):
    auth = (
        '{kind: signed, app_key: pass-1, secret: "${CESHI_SECRET}", algorithm: sha256, send_in: header,'
        ' sign: "{method}{body}{secret}"}'
    )

    def answers(asked):
        expected = hashlib.sha256(f"POST{asked.body.decode()}{SECRETS['CESHI_SECRET']}".encode()).hexdigest()
        sent = json.loads(asked.body)
        rows = ROWS[sent["offset"] : sent["offset"] + sent["limit"]]
        right = asked.headers["sign"] == expected
        return [answer(json.dumps({"total": 5, "data": rows})) if right else answer("", "401 No")]

    with tcp_server(answers) as url:
        assert ids(read_rest(HERE, department(url, auth, SOURCE + "method: post\n"))) == ALL


@pytest.mark.parametrize(
    ("apart", "expected"),
    [(600, "s apart: set the wrong one right"), (0, "Set the secret CESHI_SECRET to the signature")],
)
@pytest.mark.parametrize("status", ["401 No", "200 OK"])
def test_a_refused_signature_names_both_clocks(department, apart, expected, status):
    theirs = datetime.now(UTC) + timedelta(seconds=apart)
    refusal = answer('{"code": 4010, "msg": "timestamp 已过期"}', status, Date=format_datetime(theirs, usegmt=True))
    source = SOURCE + "success: {{at: code, is: [0]}}\n"
    with tcp_server(lambda asked: [refusal]) as url, pytest.raises(YidangError) as caught:
        read_rest(HERE, department(url, GATEWAYS["sm3 with the secret as one more parameter"][0], source))
    said = str(caught.value)
    assert "Our clock says 20" in said and f"the server's {theirs:%Y-%m-%d %H:%M:%S} UTC." in said
    if status == "200 OK" and not apart:
        expected = "Check parameters and login in the contract"
    assert expected in said


# -- OAuth2 ------------------------------------------------------------------------------------------------
OAUTH = (
    '{{kind: oauth2, token_url: "${{CESHI_URL}}/oauth/token", client_id: "数据/1", client_secret: "${{CESHI_SECRET}}",'
    " scope: read, credentials_in: {place}}}"
)


class TokenServer:
    """Hands out acc3ss+1, acc3ss+2 …, of which only the last is good; `lives` is what it says of their life."""

    def __init__(self, lives: object = 3600) -> None:
        self.lives = lives
        self.handed_out: list[dict] = []
        self.misbehave = lambda asked: None

    @property
    def good(self) -> str:
        return f"acc3ss+{len(self.handed_out)}"

    def answers(self, asked: Asked) -> list[bytes]:
        if answer_instead := self.misbehave(asked):
            return [answer_instead]
        if asked.target == "/oauth/token":
            self.handed_out.append(
                dict(parse_qsl(asked.body.decode())) | {"header": asked.headers.get("authorization")}
            )
            body = {"access_token": self.good, "token_type": "bearer", "expires_in": self.lives}
            return [answer(json.dumps(body))]
        right = asked.headers.get("authorization") == f"Bearer {self.good}"
        return [page(asked) if right else answer("", "401 No")]


@pytest.mark.parametrize("place", ["header", "body"])
@pytest.mark.parametrize(("lives", "fetched"), [(3600, 1), ("3600", 1), (None, 1), (50, 3)])
def test_a_token_is_fetched_and_renewed_before_it_expires(department, place, lives, fetched):
    server = TokenServer(lives)
    with tcp_server(server.answers) as url:
        assert ids(read_rest(HERE, department(url, OAUTH.format(place=place)))) == ALL
    assert len(server.handed_out) == fetched
    sent = server.handed_out[0]
    assert (sent["grant_type"], sent["scope"]) == ("client_credentials", "read")
    pair = f"{quote('数据/1', safe='')}:{quote('s3cret/+密', safe='')}+{quote('钥')}"
    if place == "header":
        assert sent["header"] == f"Basic {base64.b64encode(pair.encode()).decode()}" and "client_secret" not in sent
    else:
        assert (sent["client_id"], sent["client_secret"], sent["header"]) == ("数据/1", SECRETS["CESHI_SECRET"], None)


def test_a_token_is_renewed_once_after_a_401(department):
    server = TokenServer()
    refused = []

    def once(asked):
        if "offset=2" in asked.target and not refused:
            refused.append(asked)
            return answer("", "401 No")

    server.misbehave = once
    with tcp_server(server.answers) as url:
        assert ids(read_rest(HERE, department(url, OAUTH.format(place="body")))) == ALL
        assert len(server.handed_out) == 2
        server.misbehave = lambda asked: answer("", "401 No") if "offset" in asked.target else None
        server.handed_out.clear()
        with pytest.raises(ConfigError, match=r"/questions refused the token \(HTTP 401\)"):
            read_rest(HERE, department(url, OAUTH.format(place="body")))
        assert len(server.handed_out) == 1  # it was new


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        ("401 No", '{"error": "invalid_client"}', "the token endpoint gave no token (HTTP 401: invalid_client)."),
        ("200 OK", "<html>login</html>", "the token endpoint gave no token (HTTP 200: no access_token)."),
        ("503 Busy", "", "in 2 tries: TransportError: the token endpoint answered HTTP 503."),
    ],
)
def test_a_token_endpoint_that_gives_none(department, status, body, expected):
    server = TokenServer()
    server.misbehave = lambda asked: answer(body, status) if asked.target == "/oauth/token" else None
    with tcp_server(server.answers) as url, pytest.raises(YidangError) as caught:
        read_rest(HERE, department(url, OAUTH.format(place="body")))
    assert expected in str(caught.value)


# -- nothing is seen ---------------------------------------------------------------------------------------
LOGINS = {
    "bearer": '{kind: bearer, token: "${CESHI_TOKEN}"}',
    "header": '{kind: header, header: X-Token, token: "${CESHI_TOKEN}"}',
    "basic": BASIC,
    "signed": GATEWAYS["md5 of the sorted parameters between two secrets"][0],
    "oauth2": OAUTH.format(place="header"),
    "oauth2 in the body": OAUTH.format(place="body"),
}


def seen(error: BaseException | None) -> str:
    """All that an exception and its whole chain hold, also what a traceback leaves out."""
    texts = []
    while error is not None:
        texts += [str(error), repr(error), repr(error.args), repr(vars(error))]
        texts += traceback.format_exception(error)
        if error.__cause__ is not None:
            texts.append(seen(error.__cause__))
        error = error.__context__
    return "\n".join(texts)


def echo(asked: Asked, status: str, body: str) -> list[bytes]:
    """An answer that quotes the request back, what is secret in it first."""
    quoted = [asked.headers.get(name) for name in ("authorization", "x-token", "x-key")]
    quoted = json.dumps([*quoted, asked.body.decode(), asked.target], ensure_ascii=body == "ESCAPED ECHO")
    if body == "ESCAPED ECHO":
        quoted = quoted.replace("/", "\\/")
    return [answer(body.replace("ECHO", quoted), status, Location=f"http://127.0.0.1:9{asked.target}")]


@pytest.mark.parametrize("kind", LOGINS)
@pytest.mark.parametrize(
    ("status", "body"),
    [
        ("400 Bad", "ECHO"),
        ("400 Bad", "ESCAPED ECHO"),
        ("401 No", "ECHO"),
        ("500 Broken", "ECHO"),
        ("200 OK", "<html>ECHO"),
        ("200 OK", '{"code": 0, "rows": [ECHO]}'),
        ("200 OK", '{"code": 1, "msg": [ECHO]}'),
        ("200 OK", '{"code": 0, "data": {"x": ECHO}}'),
        ("302 Found", "ECHO"),
        ("401 No", '{"error_description": [ECHO]}'),
    ],
)
def test_no_secret_is_logged_or_raised(department, caplog, kind, status, body):
    caplog.set_level(logging.DEBUG)
    server = TokenServer()

    def answers(asked):
        ours = asked.target == "/oauth/token" and "error_description" not in body
        return server.answers(asked) if ours else echo(asked, status, body)

    source = SOURCE + "success: {{at: code, is: [0]}}\n"
    extra = 'path: /questions\nparameters: {key: "${CESHI_SECRET}"}\nheaders: {X-Key: "${CESHI_TOKEN}"}'
    with tcp_server(answers) as url, pytest.raises(YidangError) as caught:
        read_rest(HERE, department(url, LOGINS[kind], source, extra))
    everything = seen(caught.value) + caplog.text
    assert status != "400 Bad" or "${CESHI_TOKEN}" in str(caught.value)
    pairs = [f"{who}:{SECRETS['CESHI_SECRET']}" for who in (SECRETS["CESHI_USER"], "数据/1")]
    for secret in ("s3cret", "tok-en", "acc3ss", *(base64.b64encode(pair.encode()).decode() for pair in pairs)):
        assert secret not in everything


@pytest.mark.parametrize("token", ["tok-en-with-a-line-break\n", "tok-en-密"])
def test_a_secret_that_no_header_can_carry_is_refused_unseen(department, monkeypatch, token):
    made = department("http://127.0.0.1:1", LOGINS["bearer"])
    monkeypatch.setenv("CESHI_TOKEN", token)
    with pytest.raises(ConfigError) as caught:
        read_rest(HERE, made)
    assert "what stands for ${CESHI_TOKEN} holds characters that a header cannot carry" in str(caught.value)
    assert "tok-en" not in seen(caught.value)


def test_a_base_url_that_is_none_is_refused_unseen(department):
    for url in ("ftp://user:hidden@127.0.0.1", "http://user:hidden@host:hidden", "hidden"):
        with pytest.raises(ConfigError) as caught:
            read_rest(HERE, department(url, LOGINS["basic"]))
        assert "the base URL is no URL that begins with http" in str(caught.value)
        assert "hidden" not in seen(caught.value)
