"""The HTTP interfaces of 发改 (pages) and 水务 (cursor), over the file http_store.py wrote. Made-up data throughout.

Both want a token, limit the rate (429 with Retry-After) and now and then answer 500, as such systems do.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from yidang import settings as settings_module

FAIL_EVERY = 37
LARGEST_PAGE = 500


@dataclass
class Gate:
    """What a request passes before it is answered: the token, the rate limit, the planted failure."""

    token: str
    read_token: Callable[[Request], str]
    limit: int
    window_seconds: float
    answered: int = 0
    recent: deque[float] = field(default_factory=deque)

    def refuse(self, request: Request) -> JSONResponse | None:
        if not hmac.compare_digest(self.read_token(request).encode(), self.token.encode()):
            return JSONResponse({"code": 401, "msg": "令牌无效"}, status_code=401)
        now = time.monotonic()
        while self.recent and now - self.recent[0] > self.window_seconds:
            self.recent.popleft()
        if len(self.recent) >= self.limit:
            headers = {"Retry-After": str(max(1, round(self.window_seconds)))}
            return JSONResponse({"code": 429, "msg": "请求过于频繁"}, status_code=429, headers=headers)
        self.recent.append(now)
        self.answered += 1
        if self.answered % FAIL_EVERY == 0:
            return JSONResponse({"code": 500, "msg": "系统繁忙，请稍后再试"}, status_code=500)
        return None


class BadRequest(Exception):
    """A parameter that cannot be read; the message goes to the caller."""


def create_app(
    store: Path, fagai_token: str, shuiwu_token: str, limit: int = 20, window_seconds: float = 1.0
) -> Starlette:
    """The application over a store file. limit: requests per window and department."""
    fagai = Gate(
        fagai_token,
        lambda request: request.headers.get("authorization", "").removeprefix("Bearer "),
        limit,
        window_seconds,
    )
    shuiwu = Gate(shuiwu_token, lambda request: request.headers.get("x-api-token", ""), limit, window_seconds)

    def guarded(gate: Gate, answer: Callable[[Request], dict]) -> Callable[[Request], JSONResponse]:
        # async, so that requests pass the gate one after another and its counters stay exact
        async def endpoint(request: Request) -> JSONResponse:
            refusal = gate.refuse(request)
            if refusal:
                return refusal
            if not store.exists():
                return JSONResponse({"code": 503, "msg": "尚无数据，请先运行 yidang district"}, status_code=503)
            try:
                return JSONResponse(answer(request))
            except BadRequest as error:
                return JSONResponse({"code": 400, "msg": str(error)}, status_code=400)

        return endpoint

    def pages(kind: str) -> Callable[[Request], dict]:
        return lambda request: _page(store, kind, request)

    return Starlette(
        routes=[
            Route("/healthz", lambda request: JSONResponse({"ok": True, "data": "虚构示例数据"})),
            Route("/fagai/api/v1/projects", guarded(fagai, pages("projects"))),
            Route("/fagai/api/v1/approvals", guarded(fagai, pages("approvals"))),
            Route("/shuiwu/api/permits", guarded(shuiwu, lambda request: _permits(store, request))),
        ]
    )


def _page(store: Path, kind: str, request: Request) -> dict:
    since = _moment(request, "updated_since")
    page, size = _number(request, "page", 1, 1_000_000), _number(request, "page_size", 200, LARGEST_PAGE)
    with _open(store) as connection:
        (total,) = connection.execute(
            "select count(*) from record where kind = ? and updated >= ?", (kind, since)
        ).fetchone()
        rows = connection.execute(
            "select body from record where kind = ? and updated >= ? order by updated, id limit ? offset ?",
            (kind, since, size, (page - 1) * size),
        ).fetchall()
    data = [json.loads(body) for (body,) in rows]
    return {"code": 0, "msg": "ok", "total": total, "page": page, "page_size": size, "data": data}


def _permits(store: Path, request: Request) -> dict:
    size = _number(request, "limit", 100, LARGEST_PAGE)
    cursor = request.query_params.get("cursor")
    after = _decode(cursor) if cursor else (_moment(request, "since"), "")
    with _open(store) as connection:
        rows = connection.execute(
            "select updated, id, body from record where kind = 'permits' and (updated, id) > (?, ?)"
            " order by updated, id limit ?",
            (*after, size + 1),
        ).fetchall()
    items = [json.loads(body) for _, _, body in rows[:size]]
    return {"items": items, "next_cursor": _encode(*rows[size - 1][:2]) if len(rows) > size else None}


def _open(store: Path) -> closing[sqlite3.Connection]:
    """A read-only connection for one request; the file may be replaced between two of them."""
    return closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True))


def _moment(request: Request, name: str) -> str:
    text = request.query_params.get(name)
    if not text:
        return ""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None).isoformat(timespec="seconds")
    except ValueError:
        raise BadRequest(f"{name} 应为 2025-03-03T00:00:00 形式") from None


def _number(request: Request, name: str, default: int, largest: int) -> int:
    text = request.query_params.get(name, str(default))
    if not text.isdigit() or not 1 <= int(text) <= largest:
        raise BadRequest(f"{name} 应为 1 到 {largest} 的整数")
    return int(text)


def _encode(updated: str, key: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([updated, key]).encode()).decode()


def _decode(cursor: str) -> tuple[str, str]:
    try:
        updated, key = json.loads(base64.urlsafe_b64decode(cursor))
    except (binascii.Error, ValueError, TypeError):
        raise BadRequest("cursor 无法识别") from None
    return str(updated), str(key)


def store_path(district_dir: Path) -> Path:
    return district_dir / "http" / "store.sqlite"


def main() -> None:
    """Serve on the loopback port of this installation until stopped."""
    settings = settings_module.load()
    store = store_path(settings.district_dir)
    app = create_app(store, settings.secret("FAGAI_TOKEN"), settings.secret("SHUIWU_TOKEN"))
    uvicorn.run(app, host="127.0.0.1", port=settings.port("district_http"), log_level="warning")


if __name__ == "__main__":
    main()
