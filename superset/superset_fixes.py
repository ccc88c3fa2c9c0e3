"""What Superset 6.1 leaves open: unlimited and lost logins, wrong Chinese, CSV that Excel cannot read, an empty page.

Each fix names its reason; drop it when Superset has its own.
"""

import functools
import json
from pathlib import Path

from access_guards import guard_formulas
from babel.messages.pofile import read_po
from export_log import log_exports
from flask import Flask, Response, redirect, request
from flask.sessions import SessionMixin
from jinja2 import ChoiceLoader, FileSystemLoader
from limits import parse, storage, strategies
from subscription_guards import guard_subscriptions

import superset

TRANSLATIONS = Path(superset.__file__).parent / "translations" / "zh" / "LC_MESSAGES"
OWN_TRANSLATIONS = Path(__file__).parent / "zh_fixes.json"
LOGIN_PATHS = ("/login/", "/api/v1/security/login")
BEACON_PATH = "/superset/log/"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def apply_fixes(app: Flask) -> None:
    guard_formulas()
    guard_subscriptions()
    limit_logins(app)
    keep_logins(app)
    serve_clean_chinese(app)
    log_exports(app)  # before the next: what is registered later runs earlier, and the size is that of what leaves
    mark_csv_as_utf8(app)
    begin_at_the_dashboard(app)
    fit_the_screen(app)


def limit_logins(app: Flask) -> None:
    """AUTH_RATE_LIMIT reaches only a view that answers GET; both ways to POST a password are unlimited.

    Counted per account and address, and per address; in the memory of each worker.
    """
    limiter = strategies.MovingWindowRateLimiter(storage.MemoryStorage())
    per_account = parse(app.config["AUTH_RATE_LIMIT"])
    per_address = parse(app.config["LOGIN_RATE_LIMIT_PER_ADDRESS"])

    @app.before_request
    def refuse_when_too_many() -> Response | None:
        if request.method != "POST" or request.path not in LOGIN_PATHS:
            return None
        body = request.get_json(silent=True)
        name = request.form.get("username") or (body.get("username") if isinstance(body, dict) else "") or ""
        address = request.remote_addr or ""
        if limiter.hit(per_account, address, str(name)[:64]) and limiter.hit(per_address, address):
            return None
        return Response("登录尝试过于频繁，请一分钟后再试。", status=429, mimetype="text/plain")


def keep_logins(app: Flask) -> None:
    """Each page tells the server, a second after it stands, what it loaded, and gets its session's cookie back.

    Of the login page that is nobody's: whoever was quicker than that was logged out again by it.
    """

    class Sessions(type(app.session_interface)):
        def should_set_cookie(self, app: Flask, session: SessionMixin) -> bool:
            return request.path != BEACON_PATH and super().should_set_cookie(app, session)

    app.session_interface = Sessions()


def serve_clean_chinese(app: Flask) -> None:
    """A third of the shipped zh strings are unchecked guesses ("Sign in" → "Not In"). Serve the others and our own.

    Answered before the view's permission check: the login page, where nobody is logged in yet, needs the pack too.
    """

    @app.before_request
    def language_pack() -> Response | None:
        if request.path != "/superset/language_pack/zh/":
            return None
        return Response(_chinese_pack(), mimetype="application/json", headers={"Cache-Control": "public, max-age=3600"})


@functools.cache
def _chinese_pack() -> bytes:
    with (TRANSLATIONS / "messages.po").open("rb") as file:
        guesses = {message.id for message in read_po(file) if message.fuzzy and isinstance(message.id, str)}
    pack = json.loads((TRANSLATIONS / "messages.json").read_text(encoding="utf-8"))
    table = pack["locale_data"]["superset"]
    for text in guesses & table.keys():
        table[text] = [""]
    own = json.loads(OWN_TRANSLATIONS.read_text(encoding="utf-8"))
    table.update({text: [translation] for text, translation in own.items()})
    return json.dumps(pack, ensure_ascii=False).encode()


def mark_csv_as_utf8(app: Flask) -> None:
    """Without a byte order mark Excel garbles Chinese CSV; Werkzeug 3 drops the one Superset means to send."""

    @app.after_request
    def add_byte_order_mark(response: Response) -> Response:
        if response.mimetype == "text/csv" and not response.is_streamed and not response.direct_passthrough:
            data = response.get_data()
            if not data.startswith(BYTE_ORDER_MARK):
                response.set_data(BYTE_ORDER_MARK + data)
        return response


def begin_at_the_dashboard(app: Flask) -> None:
    """After login Superset shows an empty page of favourites; its setting for a start page per user has no effect."""

    @app.before_request
    def leave_the_welcome_page() -> Response | None:
        return redirect(app.config["LOGO_TARGET_PATH"]) if request.path == "/superset/welcome/" else None


def fit_the_screen(app: Flask) -> None:
    """Superset's pages have no viewport: a phone draws them 980 pixels wide. Its hook for the head is a template."""
    own = FileSystemLoader(str(Path(__file__).parent / "templates"))
    app.jinja_loader = ChoiceLoader([own, app.jinja_loader])
