"""The form that a message links to: `yidang warnings serve`. Chinese, for a phone; one page, no script, no cookie.

Opening a link changes nothing, because mail scanners open links too: only the form's POST is an answer.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
from datetime import date
from importlib import resources
from urllib.parse import parse_qs, urlsplit

import psycopg
import uvicorn
from jinja2 import Environment
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from yidang import settings as settings_module
from yidang.errors import YidangError
from yidang.settings import WARNING_KEY, Settings
from yidang.warning import answers, links, tables, wording

LARGEST_BODY = 16 * 1024

log = logging.getLogger(__name__)
# (title, what to do, HTTP status) of a link that cannot be answered.
_CLOSED = {
    "unknown": ("链接无效", "请核对链接是否完整，或向发送单位重新索取。", 404),
    "expired": ("链接已过期", "请联系发送单位，或直接向改革专班答复。", 410),
    "used": ("已经答复", "每个链接只能答复一次。如需更正，请联系改革专班。", 200),
    "ended": ("无需答复", "该事项的预警状态已经解除。", 200),
}


def create_app(settings: Settings) -> Starlette:
    """The application: /w/<token>, /healthz."""
    page = _Page(settings)
    routes = [
        Route("/healthz", lambda request: PlainTextResponse("ok")),
        Route("/w/{token}", page.answer, methods=["GET", "POST"]),
    ]
    return Starlette(routes=routes, exception_handlers={404: page.nothing_here, 500: page.broken})


class _Page:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        folder = resources.files("yidang.warning")
        self.style = folder.joinpath("form.css").read_text(encoding="utf-8")
        markup = folder.joinpath("form.html").read_text(encoding="utf-8")
        self.template = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(markup)
        digest = base64.b64encode(hashlib.sha256(self.style.encode()).digest()).decode()
        self.headers = {
            "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self';"
            " frame-ancestors 'none'; base-uri 'none'",
            "Referrer-Policy": "no-referrer",  # the address is the key to the form
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "X-Robots-Tag": "noindex",
        }

    async def answer(self, request: Request) -> Response:
        body = await _body(request) if request.method == "POST" else b""
        if body is None:
            return self._say("内容过长", "请缩短原因后重新提交。", 413)
        try:
            return await run_in_threadpool(self._answer, request, body)
        except (YidangError, psycopg.Error) as error:
            log.warning("The form could not be served: %s", type(error).__name__)
            return self._say("暂时无法打开", "请稍后再试。", 503)

    async def nothing_here(self, request: Request, error: Exception) -> Response:
        return self._say(*_CLOSED["unknown"])

    async def broken(self, request: Request, error: Exception) -> Response:
        return self._say("暂时无法打开", "请稍后再试。", 500)

    def _answer(self, request: Request, body: bytes) -> Response:
        token = request.path_params["token"]
        asked = answers.find(self.settings, token)
        if asked.state != "open":
            return self._say(*_CLOSED[asked.state], asked)
        check = links.form_check(self.settings.secret(WARNING_KEY), token)
        if request.method != "POST":
            return self._form(asked, check)
        given = {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
        if not hmac.compare_digest(given.get("check", "").encode(), check.encode()) or _is_foreign(request):
            return self._say("提交来源不明", "请从短信或邮件中的链接重新打开本页后提交。", 403)
        reason, promised = given.get("reason", "").strip(), given.get("promised_date", "").strip()
        if mistakes := answers.mistakes(self.settings, reason, promised):
            return self._form(asked, check, mistakes, reason, promised)
        if not answers.record(self.settings, asked.about, reason, date.fromisoformat(promised)):
            return self._say(*_CLOSED["used"], answers.find(self.settings, token))
        return self._say("已收到答复", f"承诺日期 {promised}。此前不再升级提醒。", 200)

    def _form(
        self, asked: answers.Asked, check: str, mistakes: list[str] | None = None, reason: str = "", promised: str = ""
    ) -> Response:
        first, last = answers.promise_range(self.settings)
        values = {"check": check, "mistakes": mistakes or [], "reason": reason, "promised": promised}
        values |= {"first": first, "last": last, "longest": answers.LONGEST_REASON}
        return self._render(asked, 422 if mistakes else 200, form=values)

    def _say(self, title: str, text: str, status: int, asked: answers.Asked | None = None) -> Response:
        return self._render(asked, status, title=title, text=text)

    def _render(self, asked: answers.Asked | None, status: int, **values: object) -> Response:
        about = asked.about if asked else {}
        if about:
            facts = about["evaluated"]
            values |= {
                "headline": wording.headline(about["level"], facts),
                "rows": wording.rows(facts, about["project_code"]),
                "role": wording.ROLES.get(about["role"], ""),
                "department": about["department_name"],
                "is_example": facts.get("is_example"),
                "given": about if about["answered_at"] else None,
            }
        content = self.template.render(style=self.style, made_up=wording.MADE_UP, **values)
        return Response(content, status, self.headers, "text/html")


async def _body(request: Request) -> bytes | None:
    """The body of a form; None if it is too long."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_BODY:
            return None
    return body


def _is_foreign(request: Request) -> bool:
    """Whether the browser says that another site's page sent the form."""
    origin = request.headers.get("origin")
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return True
    return origin not in (None, "null") and urlsplit(origin).netloc != request.headers.get("host")


def serve(settings: Settings, host: str = "127.0.0.1", port: int | None = None) -> None:
    """Serve until stopped. No access log: an address is the key to its form."""
    tables.ensure(settings)
    settings.secret(WARNING_KEY)
    config = {"host": host, "port": port or settings.port("warnings"), "log_level": "warning", "access_log": False}
    uvicorn.run(create_app(settings), server_header=False, **config)


if __name__ == "__main__":
    serve(settings_module.load())
